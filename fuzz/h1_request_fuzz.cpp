// SPDX-License-Identifier: MIT
//
// A request as it comes: head and body. What we take Boost.Beast takes too, for the same request; and our verdict does not
// depend on where the bytes were cut.
#include <fuzz/target.hpp>

#include <algorithm>

#include <sluice/http/h1_oracle_test.hpp>

namespace {

using namespace sluice;
using namespace sluice::http;

// Beyond it a case says nothing that a shorter one does not.
constexpr std::size_t kInputMax = 1 << 15;

struct Verdict {
  std::string reason;
  bool done = false;
  std::size_t consumed = 0;
  std::string head;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Feeds pieces as a connection does: what was not consumed comes again, with more.
template <class NextCut>
Verdict judge(std::string_view bytes, const H1Limits& limits, NextCut next_cut) {
  H1RequestParser parser(limits);
  Request request;
  Verdict verdict;
  for (std::size_t end = 0; end < bytes.size() && !verdict.done;) {
    end = std::min(bytes.size(), next_cut(end));
    auto step = parser.parse(bytes.substr(verdict.consumed, end - verdict.consumed), request);
    if (!step) return {std::string(step.error().reason()), false, 0, std::string(step.error().field())};
    verdict.consumed += step->consumed;
    verdict.done = step->done;
  }
  if (verdict.done) verdict.head.append(request.method()).append(request.target()).append(request.headers().text());
  return verdict;
}

void check_splits(std::string_view bytes, const H1Limits& limits) {
  fuzz::Choices choices(bytes);
  Verdict whole = judge(bytes, limits, [&](std::size_t) { return bytes.size(); });
  std::size_t longest = 1 + choices.below(40);
  Verdict pieces = judge(bytes, limits, [&](std::size_t end) { return end + 1 + choices.below(longest); });
  fuzz::require(pieces == whole, "a head is judged the same however it is split", pieces.reason + " or " + whole.reason);
  fuzz::require(whole.consumed <= limits.head_bytes + 4, "no head is taken that is larger than its limit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::as_input(data, std::min(size, kInputMax));
  auto difference = disagreement(bytes);
  fuzz::require(!difference, "what we take Beast takes for the same", difference.value_or(""));
  check_splits(bytes, {});
  check_splits(bytes, {.start_line_bytes = 32, .field_line_bytes = 24, .head_bytes = 80, .field_count = 3});
  return 0;
}
