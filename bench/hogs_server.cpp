// SPDX-License-Identifier: MIT
//
// apps/hello with two handlers that hog their processor: what bench/hogs asks.
//
//   hogs_server PROCESSORS PORT
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <unistd.h>

#include <sluice/service/program.hpp>
#include <sluice/service/rest.hpp>

namespace {

using sluice::Context;
using sluice::http::Request;

struct Ping { std::string message; };
SLUICE_FIELDS(Ping, message)

// A signal ends ::sleep, and the runtime asks a hog by one where it is.
Ping sleep_20_s(Context&, const Request&) {
  for (unsigned left = 20; left > 0;) left = ::sleep(left);
  return Ping{"slept"};
}

Ping loop_for_ever(Context&, const Request&) {
  for (;;) asm volatile("");  // without it, a loop that does nothing need not go on
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  return error == std::errc() && end == text.end();
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t processors = 0;
  std::uint16_t port = 0;
  if (argc != 3 || !read_number(argv[1], processors) || !read_number(argv[2], port)) {
    std::fprintf(stderr, "usage: hogs_server PROCESSORS PORT\n");
    return 2;
  }
  auto serve = [port](Context& ctx, Context& stop) {
    sluice::service::Rest rest({.name = "hogs", .host = "127.0.0.1", .port = port});
    rest.get("/ping", [](Context&, const Request&) { return Ping{"pong"}; });
    rest.get("/sleep", sleep_20_s);
    rest.get("/loop", loop_for_ever);
    return rest.run(ctx, stop);
  };
  return sluice::service::run_program(serve, {.runtime = {.processors = processors}});
}
