// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace epro {

/// What the command line asked for, to be run once it has been read: the process' exit status.
using Command = std::function<int()>;

/// Each adds its subcommand to `app`; if that is the one asked for, `chosen` is set. Both outlive the parsing.
void add_serve(CLI::App& app, Command& chosen);    ///< serve_command.cpp
void add_study(CLI::App& app, Command& chosen);    ///< study_command.cpp: study apply
void add_burst(CLI::App& app, Command& chosen);    ///< burst_command.cpp
void add_replay(CLI::App& app, Command& chosen);   ///< replay_command.cpp
void add_export(CLI::App& app, Command& chosen);   ///< export_command.cpp: export vs
void add_verify(CLI::App& app, Command& chosen);   ///< verify_command.cpp

}  // namespace epro
