// SPDX-License-Identifier: MIT
#include <fuzz/mutator.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <fuzz/target.hpp>

namespace sluice::fuzz {
namespace {

constexpr std::size_t kChangesMax = 4;
constexpr std::size_t kSplinterMax = 24;
constexpr std::size_t kErasedMax = 8;

char take_escape(std::string_view& text) {
  if (text.starts_with('x') && text.size() >= 3) {
    unsigned byte = 0;
    auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
    require(error == std::errc() && end == text.data() + 3, "a dictionary's \\x has two digits", text);
    text.remove_prefix(3);
    return static_cast<char>(byte);
  }
  require(text.starts_with('"') || text.starts_with('\\'), "a dictionary escapes \\, \" and bytes", text);
  char c = text.front();
  text.remove_prefix(1);
  return c;
}

std::string parse_piece(std::string_view line) {
  require(line.size() >= 2 && line.starts_with('"') && line.ends_with('"'), "a dictionary has a quoted text a line", line);
  std::string piece;
  for (std::string_view rest = line.substr(1, line.size() - 2); !rest.empty();) {
    char c = rest.front();
    rest.remove_prefix(1);
    piece.push_back(c == '\\' ? take_escape(rest) : c);
  }
  return piece;
}

}  // namespace

Mutator::Mutator(std::vector<std::string> corpus, std::vector<std::string> pieces, std::uint64_t seed)
    : corpus_(std::move(corpus)), pieces_(std::move(pieces)), random_(seed) {
  require(!corpus_.empty(), "a corpus has an input");
}

std::string Mutator::next() {
  std::string bytes = corpus_[below(corpus_.size())];
  for (std::size_t changes = 1 + below(kChangesMax); changes > 0; --changes) mutate(bytes);
  return bytes;
}

void Mutator::mutate(std::string& bytes) {
  std::size_t at = below(bytes.size() + 1);
  std::string_view piece = pieces_.empty() ? splinter() : std::string_view(pieces_[below(pieces_.size())]);
  switch (below(7)) {
    case 0: bytes.insert(at, piece); break;
    case 1: bytes.erase(at, 1 + below(kErasedMax)); break;
    case 2: bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece); break;
    case 3: bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(kSplinterMax))); break;
    case 4: bytes.insert(at, splinter()); break;
    case 5: bytes.resize(at); break;
    default:
      if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
  }
}

std::string_view Mutator::splinter() {
  std::string_view from = corpus_[below(corpus_.size())];
  return from.substr(below(from.size() + 1), below(kSplinterMax));
}

std::vector<std::string> parse_dictionary(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && !line.starts_with('#')) pieces.push_back(parse_piece(line));
  }
  return pieces;
}

}  // namespace sluice::fuzz
