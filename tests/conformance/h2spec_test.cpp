// SPDX-License-Identifier: MIT
//
// h2spec (github.com/summerwind/h2spec) sends a server what RFC 7540 and 7541 allow and forbid, 145 cases, and looks what it
// does. Here against a server on an ephemeral port of the loopback, in real time; skipped where h2spec cannot be had.
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_connection.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::http {
namespace {

struct Outcome {
  std::string output;
  bool is_ok = false;
};

// Blocks the thread.
Outcome run_command(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> buffer;
  while (std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) outcome.output.append(buffer.data(), count);
  outcome.is_ok = ::pclose(pipe) == 0;
  return outcome;
}

// Where h2spec is; or nothing, and `why`.
std::string find_h2spec(std::string& why) {
  Outcome got = run_command(SLUICE_GET_H2SPEC " " SLUICE_H2SPEC_FOLDER " 2>&1");
  while (!got.output.empty() && got.output.back() == '\n') got.output.pop_back();
  if (got.is_ok) return got.output;
  why = got.output;
  return {};
}

Outcome run_h2spec(const std::string& program, net::Address address, const std::string& options = {}) {
  return blocking([&] {
    return run_command(program + " --host 127.0.0.1 --port " + std::to_string(address.port) + " --timeout 5 " + options + " 2>&1");
  });
}

// Reads what comes, as h2spec expects of a server, so that it answers behind the request.
Response answer(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kWideWire); !read) return to_response(std::move(read).error());
  return Response::text("answered");
}

class Deaf final : public RefusalObserver {
 public:
  void on_refusal(int, const Error&) noexcept override {}
};

net::Address loopback() { return *net::Address::from_ip("127.0.0.1", 0); }

// What a connection is that has agreed on HTTP/2 before its first byte, as by ALPN.
TEST(H2spec, every_case_passes_on_connections_that_speak_http2) {
  std::string why;
  std::string h2spec = find_h2spec(why);
  if (h2spec.empty()) GTEST_SKIP() << "NOT TESTED: " << why;
  on_processors(2, [&](Context& ctx) {
    auto listener = net::listen(loopback());
    ASSERT_TRUE(listener) << listener.error().describe();
    const Handler handler(answer);
    Deaf refusals;
    H2Service service{.options = {}, .handler = handler, .clock = runtime_clock(), .refusals = refusals, .bodies = nullptr};
    Context accepting(ctx);
    TaskGroup connections(ctx);
    TaskGroup acceptor(accepting);
    acceptor.go([&](Context& own) -> Result<void> {
      for (;;) {
        SLUICE_TRY(auto stream, (*listener)->accept(own));
        connections.go([&, stream = std::move(stream)](Context& requests) {
          H2Connection::serve(*stream, service, requests, accepting);
        });
      }
    });
    Outcome outcome = run_h2spec(h2spec, (*listener)->address());
    accepting.cancel();
    static_cast<void>(acceptor.wait());
    EXPECT_TRUE(outcome.is_ok) << outcome.output;
    EXPECT_NE(outcome.output.find("145 tests, 145 passed, 0 skipped, 0 failed"), std::string::npos) << outcome.output;
  });
}

// On a port for both versions what is no preface is HTTP/1.1, and bad HTTP/1.1 is told so before the connection ends. h2spec
// takes that answer for frames (case 3.5/2); all others pass there as well.
TEST(H2spec, all_other_cases_pass_on_a_port_that_serves_http_1_1_as_well) {
  std::string why;
  std::string h2spec = find_h2spec(why);
  if (h2spec.empty()) GTEST_SKIP() << "NOT TESTED: " << why;
  on_processors(2, [&](Context& ctx) {
    auto listener = net::listen(loopback());
    ASSERT_TRUE(listener) << listener.error().describe();
    Telemetry telemetry;
    Server server(*std::move(listener), {}, Handler(answer), {runtime_clock(), telemetry.metrics, telemetry.log});
    Context stop(ctx);
    TaskGroup serving(stop);
    serving.go([&](Context& own) { return server.serve(own); });
    Outcome outcome = run_h2spec(h2spec, server.address());
    stop.cancel();
    static_cast<void>(serving.wait());
    EXPECT_NE(outcome.output.find("145 tests, 144 passed, 0 skipped, 1 failed"), std::string::npos) << outcome.output;
    EXPECT_NE(outcome.output.find("× 2: Sends invalid connection preface"), std::string::npos) << outcome.output;
  });
}

}  // namespace
}  // namespace sluice::http
