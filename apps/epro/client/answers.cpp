// SPDX-License-Identifier: MIT
#include <apps/epro/client/answers.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <sluice/http/status.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_value.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Error;
using sluice::Result;
using sluice::schema::Json;

std::unexpected<Error> bad_answer(std::string_view what) {
  return sluice::fail(Error(Code::kDataLoss, std::string(what)).with("the server's answer").because("bad-answer"));
}

Result<Json> parse_answer(std::string_view body) {
  auto json = sluice::schema::parse_json(body);
  if (!json || !json->is_object()) return bad_answer("is no JSON object");
  return std::move(*json);
}

// Of a member that is a string; empty for any other.
std::string_view text_of(const Json& object, std::string_view name) {
  const Json* member = object.find(name);
  return member == nullptr ? std::string_view() : std::string_view(member->text());
}

bool is_word(std::string_view text) {
  return !text.empty() && text != "-" && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

constexpr std::array<std::pair<std::string_view, std::uint64_t ItemCounts::*>, 5> kResults = {{
    {"created", &ItemCounts::created},
    {"duplicate", &ItemCounts::duplicate},
    {"conflict", &ItemCounts::conflict},
    {"invalid", &ItemCounts::invalid},
    {"quarantined", &ItemCounts::quarantined},
}};

}  // namespace

Result<ReceivedReceipt> read_receipt(std::string_view body) {
  SLUICE_TRY(Json json, parse_answer(body));
  std::string_view id = text_of(json, "receiptId");
  std::string_view disposition = text_of(json, "disposition");
  if (!is_word(id)) return bad_answer("has no receiptId");
  if (disposition != "accepted" && disposition != "quarantined") return bad_answer("has no disposition");
  return ReceivedReceipt{std::string(id), disposition == "accepted"};
}

Result<PublishedRevision> read_revision(std::string_view body) {
  SLUICE_TRY(Json json, parse_answer(body));
  const Json* revision = json.find("revision");
  const Json* changes = json.find("changes");
  auto number = revision == nullptr ? std::nullopt : revision->integer();
  if (!number || *number < 0) return bad_answer("has no revision");
  if (changes == nullptr || !changes->is_array()) return bad_answer("has no changes");
  PublishedRevision published{static_cast<std::uint64_t>(*number), {}};
  for (const Json& change : changes->items()) published.changes.push_back(change.text());
  return published;
}

ItemCounts& ItemCounts::operator+=(const ItemCounts& other) noexcept {
  for (const auto& [word, member] : kResults) this->*member += other.*member;
  return *this;
}

Result<ItemCounts> read_item_counts(std::string_view body, std::size_t expected) {
  SLUICE_TRY(Json json, parse_answer(body));
  const Json* items = json.find("items");
  if (items == nullptr || items->items().size() != expected) return bad_answer("has not one result per item");
  ItemCounts counts;
  for (const Json& item : items->items()) {
    const auto* found = std::ranges::find(kResults, text_of(item, "result"), [](const auto& entry) { return entry.first; });
    if (found == kResults.end()) return bad_answer("has a result that we do not know");
    ++(counts.*found->second);
  }
  return counts;
}

ReadProblem read_problem(const sluice::http::Response& answer) {
  ReadProblem problem;
  if (auto json = parse_answer(answer.body))
    problem = {std::string(text_of(*json, "code")), std::string(text_of(*json, "pointer"))};
  if (problem.code.empty()) problem.code = sluice::http::status::phrase(answer.status);
  return problem;
}

std::string describe_refusal(const sluice::http::Response& answer) {
  ReadProblem problem = read_problem(answer);
  std::string words = std::to_string(answer.status) + " " + problem.code;
  return problem.pointer.empty() ? words : words + " (" + problem.pointer + ")";
}

}  // namespace epro
