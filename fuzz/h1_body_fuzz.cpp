// SPDX-License-Identifier: MIT
//
// A chunked body. However it is cut the verdict is the same; nothing longer than the limit comes out; and what our own
// writer makes of any bytes is read back as these bytes, with what follows left alone.
#include <fuzz/target.hpp>

#include <algorithm>

#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_writer.hpp>

namespace {

using namespace sluice;
using namespace sluice::http;

constexpr std::size_t kInputMax = 1 << 14;
constexpr H1Framing kChunked{H1Framing::Kind::kChunked, 0};
constexpr H1Limits kTight = {.chunk_line_bytes = 12, .chunk_extension_bytes = 8, .trailer_bytes = 16};

struct Verdict {
  std::string reason;
  bool done = false;
  std::size_t consumed = 0;
  std::string body;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

template <class NextCut>
Verdict judge(std::string_view bytes, const H1Limits& limits, std::size_t body_max, bool keeps, NextCut next_cut) {
  H1BodyDecoder decoder(kChunked, limits, body_max);
  Verdict verdict;
  for (std::size_t end = 0; end < bytes.size() && !verdict.done;) {
    end = std::min(bytes.size(), next_cut(end));
    auto step = decoder.decode(bytes.substr(verdict.consumed, end - verdict.consumed), keeps ? &verdict.body : nullptr);
    fuzz::require(verdict.body.size() <= body_max, "no body is larger than its limit");
    if (!step) return {std::string(step.error().reason()), false, 0, ""};
    verdict.consumed += step->consumed;
    verdict.done = step->done;
    fuzz::require(step->done == decoder.is_done(), "a step and its decoder agree on the end");
    std::size_t plain = static_cast<std::size_t>(std::min<std::uint64_t>(decoder.plain_left(), bytes.size()));
    fuzz::require(plain == 0, "of a chunked body it is never known what is plain");
  }
  return verdict;
}

void check_splits(std::string_view bytes, const H1Limits& limits, std::size_t body_max) {
  fuzz::Choices choices(bytes);
  auto all = [&](std::size_t) { return bytes.size(); };
  Verdict whole = judge(bytes, limits, body_max, true, all);
  std::size_t longest = 1 + choices.below(40);
  Verdict pieces = judge(bytes, limits, body_max, true, [&](std::size_t end) { return end + 1 + choices.below(longest); });
  fuzz::require(pieces == whole, "a body is judged the same however it is split", pieces.reason + " or " + whole.reason);
  Verdict dropped = judge(bytes, limits, body_max, false, all);
  whole.body.clear();
  fuzz::require(dropped == whole, "a body is judged the same whether it is kept or dropped");
}

void check_round_trip(std::string_view bytes) {
  fuzz::Choices choices(bytes);
  std::string encoded;
  for (std::string_view rest = bytes; !rest.empty();) {
    std::string_view piece = rest.substr(0, 1 + choices.below(rest.size()));
    append_chunk(encoded, piece);
    rest.remove_prefix(piece.size());
  }
  encoded.append(kLastChunk);
  std::size_t end = encoded.size();
  encoded.append(bytes);
  Verdict verdict = judge(encoded, {}, bytes.size(), true, [&](std::size_t) { return encoded.size(); });
  fuzz::require(verdict == Verdict{"", true, end, std::string(bytes)}, "what we write as chunks is read back", verdict.reason);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::as_input(data, std::min(size, kInputMax));
  check_splits(bytes, {}, 1 << 16);
  check_splits(bytes, {}, 8);
  check_splits(bytes, kTight, 1 << 16);
  check_round_trip(bytes);
  return 0;
}
