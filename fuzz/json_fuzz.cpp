// SPDX-License-Identifier: MIT
//
// JSON as a value and as a struct. What is written is read back; the two ways to a struct (straight, or by a Json) agree;
// tight limits refuse more and never read otherwise; a refusal has a reason and place of the contract.
#include <fuzz/target.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <sluice/schema/json.hpp>
#include <sluice/schema/json_pointer.hpp>
#include <sluice/schema/json_writer.hpp>

namespace {

using namespace sluice;
using namespace sluice::schema;

struct Item {
  std::string id;
  std::uint32_t count = 0;
  std::int8_t offset = 0;
};
SLUICE_FIELDS(Item, id, count, offset)

struct Order {
  bool ok = false;
  std::int64_t low = 0;
  std::optional<std::uint64_t> high;
  std::optional<double> value;
  std::optional<Item> spare;
  std::vector<Item> items;
  std::vector<std::optional<double>> values;
  std::string kind = "a";
  Json any;
  Duration wait{};
};
inline const Fields<Order>& sluice_fields(const Order*) {
  static const Fields<Order> fields = {
      field("ok", &Order::ok).optional(),
      field("low", &Order::low).range(-5, 1e6).optional(),
      field("high", &Order::high),
      field("value", &Order::value),
      field("spare", &Order::spare),
      field("items", &Order::items).length_max(3).optional(),
      field("values", &Order::values).optional(),
      field("kind", &Order::kind).length_max(4).options({"a", "b"}).optional(),
      field("any", &Order::any).optional(),
      field("wait", &Order::wait).optional(),
  };
  return fields;
}

void check_refusal(const Error& error) {
  constexpr std::array kReasons = {"malformed-json", "invalid-utf8", "duplicate-key", "too-deep", "too-large", "invalid-field"};
  fuzz::require(error.code() == Code::kInvalidArgument, "a text is refused as an invalid argument");
  fuzz::require(std::find(kReasons.begin(), kReasons.end(), error.reason()) != kReasons.end(), "a refusal has a known reason");
  fuzz::require(error.field().size() <= kPointerBytesMax, "a pointer is no longer than its limit");
}

void check_value(std::string_view text) {
  auto json = parse_json(text);
  if (!json) return check_refusal(json.error());
  std::string written = to_text(*json);
  auto again = parse_json(written);
  fuzz::require(again && *again == *json, "what is written is read back", written);
  std::string canonical = canonical_text(*json);
  auto from_canonical = parse_json(canonical);
  fuzz::require(from_canonical && canonical_text(*from_canonical) == canonical, "a canonical text is its own", canonical);
}

void check_limits(std::string_view text) {
  auto tight = parse_json(text, {.depth_max = 3, .bytes_max = 400, .values_max = 12});
  auto wide = parse_json(text);
  if (tight) fuzz::require(wide && *wide == *tight, "a limit refuses, it never changes what is read");
  if (tight) fuzz::require(text.size() <= 400, "no text is read that is larger than the limit");
  if (!tight) check_refusal(tight.error());
  auto last_wins = parse_json(text, {.duplicate_keys = DuplicateKeys::kLastWins});
  if (wide) fuzz::require(last_wins && *last_wins == *wide, "duplicate keys matter only where there are some");
}

template <class T>
void check_struct(std::string_view text) {
  auto straight = from_json<T>(text);
  auto json = parse_json(text);
  Result<T> by_way = json ? from_json<T>(*json) : Result<T>(fail(std::move(json).error()));
  fuzz::require(straight.has_value() == by_way.has_value(), "both ways to a struct take the same texts");
  if (!straight) return check_refusal(straight.error());
  std::string written = to_json(*straight);
  fuzz::require(written == to_json(*by_way), "both ways to a struct read the same", written);
  auto again = from_json<T>(written);
  fuzz::require(again && to_json(*again) == written, "a struct that is written is read back", written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::as_input(data, size);
  check_value(text);
  check_limits(text);
  check_struct<Order>(text);
  check_struct<std::vector<Item>>(text);
  return 0;
}
