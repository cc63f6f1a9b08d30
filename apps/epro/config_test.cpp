// SPDX-License-Identifier: MIT
#include <apps/epro/config.hpp>

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/scratch_folder_test.hpp>

namespace epro {
namespace {

using sluice::Code;

// A configuration file that is gone at the end.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) { std::ofstream(path()) << text; }
  [[nodiscard]] std::filesystem::path path() const { return folder() / "epro.yaml"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return scratch_.path(); }

 private:
  sluice::ScratchFolder scratch_;
};

TEST(Config, HasADefaultForEveryKey) {
  ConfigFile file("Name: epro\n");
  auto loaded = load_config(file.path());
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_TRUE(loaded->warnings.empty());
  EXPECT_EQ(loaded->config.port, 8888);
  EXPECT_EQ(loaded->config.dev_server.port, 6060);
  EXPECT_EQ(loaded->config.timeout, std::chrono::seconds(3));
  EXPECT_EQ(loaded->config.log_level(), sluice::observe::Level::kInfo);
}

TEST(Config, ReadsGoZerosUnitsAndFindsStudiesBesideTheFile) {
  ConfigFile file("Timeout: 500\nShutdown: { WaitTime: 2s }\nLog: { Level: error }\nStudies: [demo.yaml, /else/where.yaml]\n");
  auto loaded = load_config(file.path());
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_EQ(loaded->config.timeout, std::chrono::milliseconds(500));
  EXPECT_EQ(loaded->config.shutdown.wait_time, std::chrono::seconds(2));
  EXPECT_EQ(loaded->config.log_level(), sluice::observe::Level::kError);
  EXPECT_EQ(loaded->config.studies.at(0), (file.folder() / "demo.yaml").string());
  EXPECT_EQ(loaded->config.studies.at(1), "/else/where.yaml");
}

TEST(Config, FindsTheCertificateBesideTheFile) {
  ConfigFile file("CertFile: server.pem\nKeyFile: /etc/tls/server.key\n");
  auto loaded = load_config(file.path());
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_EQ(loaded->config.cert_file, (file.folder() / "server.pem").string());
  EXPECT_EQ(loaded->config.key_file, "/etc/tls/server.key");
}

TEST(Config, SwitchesMiddlewaresOffByGoZerosKeys) {
  ConfigFile file("Middlewares: { Breaker: false, MaxConns: true }\n");
  auto loaded = load_config(file.path());
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_TRUE(loaded->warnings.empty());
  EXPECT_EQ(loaded->config.middlewares, sluice::http::middleware::Switches{.breaker = false});
}

TEST(Config, WarnsOfAKeyThatNobodyReadsWithTheNearestOne) {
  ConfigFile file("Prot: 80\n");
  auto loaded = load_config(file.path());
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1u);
  EXPECT_NE(loaded->warnings[0].find("Port"), std::string::npos) << loaded->warnings[0];
}

TEST(Config, NamesTheKeyThatIsWrong) {
  for (const char* wrong : {"Port: 70000\n", "Port: eighty\n", "Port: -1\n"}) {
    ConfigFile file(wrong);
    auto loaded = load_config(file.path());
    ASSERT_FALSE(loaded) << wrong;
    EXPECT_EQ(loaded.error().field(), "/Port") << wrong;
  }
  ConfigFile level("Log: { Level: loud }\n");
  EXPECT_EQ(load_config(level.path()).error().field(), "/Log/Level");
  EXPECT_EQ(load_config("/nowhere/epro.yaml").error().code(), Code::kNotFound);
}

TEST(Config, WithoutAuthenticationOnlyLoopbackIsServed) {
  for (const char* open : {"Host: 0.0.0.0\n", "Host: \"::\"\n", "Host: 10.0.0.1\n", "Host: epro.example\n"}) {
    ConfigFile file(open);
    auto loaded = load_config(file.path());
    ASSERT_FALSE(loaded) << open;
    EXPECT_EQ(loaded.error().field(), "/Host");
  }
  for (const char* closed : {"Host: 127.0.0.1\n", "Host: \"::1\"\n", "Host: localhost\n", "Host: 127.8.8.8\n"})
    EXPECT_TRUE(load_config(ConfigFile(closed).path())) << closed;
}

}  // namespace
}  // namespace epro
