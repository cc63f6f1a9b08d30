// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>

#include <apps/epro/commands.hpp>

int main(int argc, char** argv) {
  CLI::App app{"epro, the intake of a clinical-trial platform: it never loses a report that it has acknowledged"};
  app.require_subcommand(1);
  epro::Command chosen;
  epro::add_serve(app, chosen);
  epro::add_study(app, chosen);
  epro::add_burst(app, chosen);
  epro::add_replay(app, chosen);
  epro::add_export(app, chosen);
  epro::add_verify(app, chosen);
  CLI11_PARSE(app, argc, argv);
  return chosen();
}
