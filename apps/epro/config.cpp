// SPDX-License-Identifier: MIT
#include <apps/epro/config.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include <sluice/net/address.hpp>
#include <sluice/schema/yaml.hpp>

namespace epro {

using sluice::Code;
using sluice::Result;
using sluice::schema::field;
using sluice::schema::Fields;

inline const Fields<Config::DevServer>& sluice_fields(const Config::DevServer*) {
  static const Fields<Config::DevServer> fields = {
      field("Host", &Config::DevServer::host).optional(),
      field("Port", &Config::DevServer::port).optional(),
  };
  return fields;
}

inline const Fields<Config::Log>& sluice_fields(const Config::Log*) {
  static const Fields<Config::Log> fields = {
      field("Level", &Config::Log::level).options({"debug", "info", "error", "severe"}).optional(),
  };
  return fields;
}

inline const Fields<Config::Reservoir>& sluice_fields(const Config::Reservoir*) {
  constexpr double kBytesMin = 1 << 20;  // less would not hold one large batch
  static const Fields<Config::Reservoir> fields = {
      field("MaxBytes", &Config::Reservoir::bytes_max).range(kBytesMin, 1e15).optional(),
      field("SegmentBytes", &Config::Reservoir::segment_bytes).range(kBytesMin, 1e12).optional(),
  };
  return fields;
}

inline const Fields<Config::Shutdown>& sluice_fields(const Config::Shutdown*) {
  static const Fields<Config::Shutdown> fields = {field("WaitTime", &Config::Shutdown::wait_time).optional()};
  return fields;
}

inline const Fields<Config>& sluice_fields(const Config*) {
  static const Fields<Config> fields = {
      field("Name", &Config::name).optional(),
      field("Host", &Config::host).optional(),
      field("Port", &Config::port).optional(),
      field("CertFile", &Config::cert_file).optional(),
      field("KeyFile", &Config::key_file).optional(),
      field("Timeout", &Config::timeout).optional(),
      field("MaxBytes", &Config::bytes_max).range(1, 1e9).optional(),
      field("MaxConns", &Config::connections_max).range(1, 1e6).optional(),
      field("CpuThreshold", &Config::cpu_threshold).range(0, 999).optional(),
      field("Middlewares", &Config::middlewares).optional(),
      field("Processors", &Config::processors).range(0, 256).optional(),
      field("Auth", &Config::auth).options({"off"}).optional(),
      field("Region", &Config::region).optional(),
      field("DevServer", &Config::dev_server).optional(),
      field("Log", &Config::log).optional(),
      field("Data", &Config::data).optional(),
      field("Studies", &Config::studies).optional(),
      field("Reservoir", &Config::reservoir).optional(),
      field("Shutdown", &Config::shutdown).optional(),
  };
  return fields;
}

namespace {

Result<std::string> read(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return sluice::fail(Code::kNotFound, file.string() + ": cannot be read");
  return std::move(text).str();
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  auto address = sluice::net::Address::from_ip(host, 0);
  if (!address) return false;
  constexpr std::array<std::uint8_t, 16> kIpV6Loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address->family == sluice::net::Address::Family::kIpV4 ? address->ip[0] == 127 : address->ip == kIpV6Loopback;
}

}  // namespace

sluice::observe::Level Config::log_level() const noexcept {
  using sluice::observe::Level;
  if (log.level == "debug") return Level::kDebug;
  if (log.level == "error") return Level::kError;
  return log.level == "severe" ? Level::kSevere : Level::kInfo;
}

Result<LoadedConfig> load_config(const std::filesystem::path& file) {
  SLUICE_TRY(std::string text, read(file));
  LoadedConfig loaded;
  auto config = sluice::schema::from_yaml<Config>(text, &loaded.warnings);
  if (!config) return sluice::fail(std::move(config).error().with(file.string()));
  loaded.config = *std::move(config);
  if (!is_loopback(loaded.config.host))
    return sluice::fail(sluice::Error(Code::kFailedPrecondition, file.string() + ": with Auth off, Host must be a loopback address")
                            .at("/Host"));
  auto from_here = [&](std::string& path) { path = (file.parent_path() / path).string(); };
  for (std::string& study : loaded.config.studies) from_here(study);
  for (std::string* pem : {&loaded.config.cert_file, &loaded.config.key_file})
    if (!pem->empty()) from_here(*pem);
  return loaded;
}

}  // namespace epro
