// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

/// Makes new inputs from a corpus: one to four changes each, with pieces that mean something to the reader under test, for a
/// change with any byte seldom leads further in than its first check. The same seed makes the same inputs.
/// Requires: a corpus that is not empty. Threads: as any value.
class Mutator {
 public:
  Mutator(std::vector<std::string> corpus, std::vector<std::string> pieces, std::uint64_t seed);

  std::string next();

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  void mutate(std::string& bytes);
  // A few bytes of some corpus entry.
  std::string_view splinter();

  std::vector<std::string> corpus_;
  std::vector<std::string> pieces_;
  std::mt19937_64 random_;
};

/// The pieces that a dictionary in libFuzzer's form names: "text" a line, with \\, \" and \xAB; # begins a comment.
/// A line that is none of these ends the process: a dictionary is ours.
[[nodiscard]] std::vector<std::string> parse_dictionary(std::string_view text);

}  // namespace sluice::fuzz
