// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::internal {

/// Names of functions by address. A program's own come from its file's .symtab, which has static functions too and is there
/// unless the program was stripped; those of shared libraries from what the dynamic linker knows.
/// Reads the file when it is made, in a few milliseconds: make one where names are needed, and let it go.
/// Threads: one. Format: System V ABI, chapter 4 ("Object Files").
class Symbols {
 public:
  Symbols() noexcept;
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;
  ~Symbols();

  /// Of the function that contains this address, demangled and without what nobody reads; empty if unknown.
  [[nodiscard]] std::string name_of(std::uintptr_t address) const;
  /// "serve(sluice::Context&)+0x1c  (addr2line 0x8f2b)", or the file and where in it, if the name is unknown.
  [[nodiscard]] std::string describe(std::uintptr_t address) const;

 private:
  struct Function {
    std::uintptr_t begin;
    std::size_t bytes;
    const char* name;
  };

  void read_program() noexcept;
  [[nodiscard]] const Function* find(std::uintptr_t address) const noexcept;

  const std::byte* file_ = nullptr;  // mapped; names point into it
  std::size_t file_bytes_ = 0;
  std::uintptr_t load_bias_ = 0;     // what the program's addresses differ by from those in its file
  std::vector<Function> functions_;  // sorted by address
};

/// Demangled, with the standard library's longest names as people write them, and cut to some hundred characters. What only
/// calls a closure, as the first frame of a fiber does, has the closure's name.
[[nodiscard]] std::string readable_name(const char* mangled);

}  // namespace sluice::internal
