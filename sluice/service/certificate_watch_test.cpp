// SPDX-License-Identifier: MIT
#include <sluice/service/certificate_watch.hpp>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <sluice/net/memory_stream.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/net/tls_authority_test.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::service {
namespace {

using namespace std::chrono_literals;

// A context, the watch over its files, and a client that trusts whoever made them.
class World {
 public:
  explicit World(Context& ctx) : ctx_(ctx), files_(authority.issue({.name = "first.test"})), group_(ctx) {
    tls_ = *net::TlsServerContext::load(ctx, {.cert_file = files_.cert, .key_file = files_.key});
    client_ = *net::TlsClientContext::load(ctx, {.ca_file = authority.ca_file()});
    watch_.emplace(*tls_, log_);
    group_.go([this](Context& own) { return watch_->run(own); });
  }
  ~World() { group_.context().cancel(); }

  // From a folder beside the watched one, as a renewal would.
  void put(const std::string& from, const std::string& to) { std::filesystem::rename(from, to); }
  void wait() { EXPECT_TRUE(sleep(ctx_, CertificateWatch::kLookEvery + 1s)); }

  bool serves(std::string_view name) {
    auto [near, far] = net::memory_pair(1 << 20);
    TaskGroup accepting(ctx_);
    accepting.go([&, below = std::move(far)](Context& own) mutable {
      static_cast<void>(net::tls_accept(own, std::move(below), *tls_));  // what it says, the client says too
    });
    bool is_good = net::tls_connect(ctx_, std::move(near), *client_, name).has_value();
    EXPECT_TRUE(accepting.wait());
    return is_good;
  }
  std::string lines() {
    std::string all;
    while (log_.drain([&](observe::Level, std::string_view line) { all += line; }) > 0) {
    }
    return all;
  }
  const net::TestAuthority::Files& files() const { return files_; }

  net::TestAuthority authority;

 private:
  Context& ctx_;
  const net::TestAuthority::Files files_;
  observe::Registry metrics_;
  observe::Logger log_{runtime_clock(), metrics_};
  std::unique_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::TlsClientContext> client_;
  std::optional<CertificateWatch> watch_;
  TaskGroup group_;
};

TEST(CertificateWatch, TakesRenewedFilesWithoutARestart) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    world.wait();
    EXPECT_TRUE(world.serves("first.test"));
    EXPECT_EQ(world.lines(), "");
    auto renewed = world.authority.issue({.name = "second.test"}, "renewed");
    world.put(renewed.cert, world.files().cert);
    world.put(renewed.key, world.files().key);
    world.wait();
    EXPECT_TRUE(world.serves("second.test"));
    std::string lines = world.lines();
    EXPECT_TRUE(lines.contains("certificate reloaded")) << lines;
    world.wait();
    EXPECT_EQ(world.lines(), "");
  });
}

TEST(CertificateWatch, StaysWithTheOldOneUntilBothFilesHaveCome) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    world.wait();
    auto renewed = world.authority.issue({.name = "second.test"}, "renewed");
    world.put(renewed.cert, world.files().cert);
    world.wait();
    EXPECT_TRUE(world.serves("first.test"));
    std::string lines = world.lines();
    EXPECT_TRUE(lines.contains("KeyFile")) << lines;
    world.wait();
    EXPECT_EQ(world.lines(), "");  // told once
    world.put(renewed.key, world.files().key);
    world.wait();
    EXPECT_TRUE(world.serves("second.test"));
  });
}

TEST(CertificateWatch, StaysWithTheOldOneWhenTheFilesAreGone) {
  in_virtual_time([](Context& ctx) {
    World world(ctx);
    world.wait();
    std::filesystem::remove(world.files().cert);
    world.wait();
    EXPECT_TRUE(world.serves("first.test"));
    std::string lines = world.lines();
    EXPECT_TRUE(lines.contains("CertFile")) << lines;
  });
}

}  // namespace
}  // namespace sluice::service
