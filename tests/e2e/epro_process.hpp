// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include <sluice/base/scratch_folder_test.hpp>

namespace sluice::e2e {

using sluice::ScratchFolder;

/// An `epro serve` of its own, as its users run it: a process, a configuration file, free ports, data in `folder`.
/// Constructed when it answers; killed at the end, by its process id.
class EproProcess {
 public:
  /// `more` is appended to the configuration: "Timeout: 500\n". Fails the test, and is not running, if it does not start.
  explicit EproProcess(std::filesystem::path folder, std::string more = {});
  EproProcess(const EproProcess&) = delete;
  EproProcess& operator=(const EproProcess&) = delete;
  ~EproProcess();

  [[nodiscard]] bool is_running() const { return pid_ > 0; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::filesystem::path database() const { return folder_ / "data" / "epro.db"; }
  [[nodiscard]] std::filesystem::path journal() const { return folder_ / "data" / "journal"; }
  /// Resident memory at this moment.
  [[nodiscard]] std::size_t resident_bytes() const;

  /// All that it has written to standard output, once it is gone.
  [[nodiscard]] const std::string& log() const { return log_; }

  /// SIGKILL, and waits until it is gone.
  void kill();
  /// SIGTERM, and waits; its exit status.
  int terminate();

 private:
  void start(const std::filesystem::path& config);
  int wait_for_end();

  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::string log_;     // the reader's while it runs
  std::thread reader_;  // takes the log away, as a log collector would; joined when the process is gone
  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
};

/// Runs epro with these arguments to its end.
struct Finished {
  int status;
  std::string output;  ///< standard output
};
Finished run_epro(std::vector<std::string> arguments);

/// What came back for one request on a connection of its own, by hand: tests of bad input send bytes, not messages.
/// Empty if the server closed without an answer.
std::string exchange(std::uint16_t port, std::string_view bytes, bool half_close = true);
/// The status of an answer, 0 if it is none.
int status_of(std::string_view answer);
/// One request over the library's own words: method, path, body; the answer's body is behind its headers.
std::string ask(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body = {},
                std::string_view content_type = "application/json");
std::string_view body_of(std::string_view answer);

}  // namespace sluice::e2e
