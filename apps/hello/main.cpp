// SPDX-License-Identifier: MIT
#include <sluice/service/program.hpp>
#include <sluice/service/rest.hpp>

struct Ping { std::string message; };
SLUICE_FIELDS(Ping, message)

int main() {
  return sluice::service::run_program([](sluice::Context& ctx, sluice::Context& stop) {
    sluice::service::Rest rest({.name = "hello", .port = 8080});
    rest.get("/ping", [](sluice::Context&, const sluice::http::Request&) { return Ping{"pong"}; });
    return rest.run(ctx, stop);
  });
}
