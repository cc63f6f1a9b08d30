// SPDX-License-Identifier: MIT
//
// Runs a target without libFuzzer, as a part of ./test: on each file of a corpus, then on seeded mutations of them.
//
//   fuzz_json CORPUS DICTIONARY [MUTATIONS [SEED]]     # a corpus is a folder, or one file: a finding to look at
//
// A finding ends the process; the input lies in FINDING of the working directory then, to be run alone.
#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

#include <fuzz/mutator.hpp>
#include <fuzz/target.hpp>

namespace {

using namespace sluice;

constexpr const char* kFinding = "FINDING";
constexpr std::uint64_t kMutations = 10'000;
constexpr std::uint64_t kSeed = 0x5EED;

// What the target has at the moment, for the signal handler; the process has one thread.
std::string_view current;

// Only what a signal handler may call.
void keep_input(int signal) {
  int fd = ::open(kFinding, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  bool is_kept = fd >= 0 && ::write(fd, current.data(), current.size()) == static_cast<ssize_t>(current.size());
  constexpr std::string_view kSaid = "fuzz: the input is in FINDING\n";
  if (is_kept && ::write(STDERR_FILENO, kSaid.data(), kSaid.size()) < 0) ::_exit(2);
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run_one(const std::string& input) {
  current = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  fuzz::require(file.is_open(), "a file can be read", path.native());
  return {std::istreambuf_iterator<char>(file), {}};
}

// In the order of their names, so that a seed means the same everywhere.
std::vector<std::string> read_corpus(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {read_file(path)};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(read_file(file));
  return inputs;
}

std::uint64_t parse_count(std::string_view text) {
  std::uint64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  fuzz::require(error == std::errc() && end == text.data() + text.size(), "a count is digits", text);
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " CORPUS DICTIONARY [MUTATIONS [SEED]]\n";
    return 2;
  }
  for (int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) std::signal(signal, keep_input);
  std::uint64_t mutations = argc > 3 ? parse_count(argv[3]) : kMutations;
  std::uint64_t seed = argc > 4 ? parse_count(argv[4]) : kSeed;
  std::cout << "seed " << seed << std::endl;

  auto corpus = read_corpus(argv[1]);
  for (const std::string& input : corpus) run_one(input);
  fuzz::Mutator mutator(corpus, fuzz::parse_dictionary(read_file(argv[2])), seed);
  for (std::uint64_t i = 0; i < mutations; ++i) run_one(mutator.next());
  std::cout << corpus.size() << " inputs and " << mutations << " mutations of them" << std::endl;
  return 0;
}
