// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/middleware/switches.hpp>
#include <sluice/observe/log.hpp>

namespace epro {

/// What `epro serve` is told by its file; etc/epro.yaml says what each key means. Keys that go-zero knows have its names,
/// units and defaults. Every key may be left out.
struct Config {
  struct DevServer {
    std::string host = "127.0.0.1";
    std::uint16_t port = 6060;  ///< 0: a free one
  };
  struct Log {
    std::string level = "info";
  };
  struct Reservoir {
    std::uint64_t bytes_max = std::uint64_t{4} << 30;
    std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  };
  struct Shutdown {
    sluice::Duration wait_time = std::chrono::seconds(10);
  };

  std::string name = "epro";
  std::string host = "127.0.0.1";
  std::uint16_t port = 8888;  ///< 0: a free one
  std::string cert_file;      ///< load_config makes it relative to where epro is started; so key_file
  std::string key_file;
  sluice::Duration timeout = std::chrono::seconds(3);
  std::uint64_t bytes_max = std::uint64_t{4} << 20;
  std::uint64_t connections_max = 20'000;  ///< connections, and requests of a route under way
  int cpu_threshold = 900;  ///< of 1000; 0: nothing is shed
  sluice::http::middleware::Switches middlewares;
  std::uint64_t processors = 0;  ///< 0: all that the process may use
  std::string auth = "off";
  std::string region = "local";
  DevServer dev_server;
  Log log;
  std::string data = "var";
  std::vector<std::string> studies;  ///< files; load_config makes them relative to where epro is started
  Reservoir reservoir;
  Shutdown shutdown;

  [[nodiscard]] sluice::observe::Level log_level() const noexcept;
};

struct LoadedConfig {
  Config config;
  std::vector<std::string> warnings;  ///< keys that nobody reads, with the nearest one that somebody does
};

/// Reads the file, before a runtime exists. kNotFound: it cannot be read. kInvalidArgument names the key.
/// kFailedPrecondition: without authentication only the loopback interface may be served.
[[nodiscard]] sluice::Result<LoadedConfig> load_config(const std::filesystem::path& file);

}  // namespace epro
