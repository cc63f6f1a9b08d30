// SPDX-License-Identifier: MIT
#include <apps/epro/record/study_change.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace epro {
namespace {

using sluice::Result;

std::string name_of(const Site& site) { return "site " + site.id; }
std::string name_of(const Patient& patient) { return "patient " + patient.subject_key; }
std::string name_of(const Instrument& instrument) { return "instrument " + instrument.oid + " " + instrument.version; }

// What stays the same thing however it changes.
const std::string& key_of(const Site& site) { return site.id; }
Uuid key_of(const Patient& patient) { return patient.id; }
std::pair<std::string_view, std::string_view> key_of(const Instrument& instrument) {
  return {instrument.oid, instrument.version};
}

struct Hash {
  std::size_t operator()(const Uuid& id) const noexcept { return std::hash<Uuid>()(id); }
  std::size_t operator()(const std::string& id) const noexcept { return std::hash<std::string>()(id); }
  std::size_t operator()(const std::pair<std::string_view, std::string_view>& id) const noexcept {
    return std::hash<std::string_view>()(id.first) ^ std::hash<std::string_view>()(id.second);
  }
};

template <class Part>
auto by_key(const std::vector<Part>& parts) {
  std::unordered_map<std::decay_t<decltype(key_of(parts.front()))>, const Part*, Hash> map;
  map.reserve(parts.size());
  for (const Part& part : parts) map.emplace(key_of(part), &part);
  return map;
}

/// Lines about one kind of change, as many as a person reads.
class Lines {
 public:
  explicit Lines(std::string_view what) : what_(what) {}
  void add(std::string name) {
    if (count_++ < kChangesListed) kept_.push_back(std::move(name) + ": " + what_);
  }
  void append_to(std::vector<std::string>& lines) && {
    std::ranges::move(kept_, std::back_inserter(lines));
    if (count_ <= kChangesListed) return;
    lines.push_back("… and " + std::to_string(count_ - kChangesListed) + " more: " + what_);
  }

 private:
  std::string what_;
  std::vector<std::string> kept_;
  std::size_t count_ = 0;
};

std::string with_change(const Site& before, const Site&) { return name_of(before); }
std::string with_change(const Instrument& before, const Instrument&) { return name_of(before); }
std::string with_change(const Patient& before, const Patient& after) {
  if (before.status == after.status) return name_of(before);
  std::string statuses = std::string(to_string(before.status)) + " → " + std::string(to_string(after.status));
  return name_of(before) + " (" + statuses + ")";
}

template <class Part>
void compare_parts(const std::vector<Part>& before, const std::vector<Part>& after, std::vector<std::string>& lines) {
  if (before == after) return;
  auto old_parts = by_key(before);
  auto new_parts = by_key(after);
  Lines added("added"), changed("changed"), removed("removed");
  for (const Part& part : after) {
    auto old = old_parts.find(key_of(part));
    if (old == old_parts.end())
      added.add(name_of(part));
    else if (*old->second != part)
      changed.add(with_change(*old->second, part));
  }
  for (const Part& part : before)
    if (!new_parts.contains(key_of(part))) removed.add(name_of(part));
  for (Lines* some : {&added, &changed, &removed}) std::move(*some).append_to(lines);
}

void compare_heads(const Study& before, const Study& after, std::vector<std::string>& lines) {
  auto compare = [&](bool is_equal, const char* name) {
    if (!is_equal) lines.push_back("study: " + std::string(name) + " changed");
  };
  compare(before.oid == after.oid, "oid");
  compare(before.title == after.title, "title");
  compare(before.region == after.region, "region");
  compare(before.ack_policy == after.ack_policy, "ackPolicy");
  compare(before.skew_flag == after.skew_flag, "skewFlag");
  compare(before.late_grace == after.late_grace, "lateGrace");
}

void compare_vitals(const Study& before, const Study& after, std::vector<std::string>& lines) {
  for (const VitalSign& sign : all_vital_signs()) {
    auto at = static_cast<std::size_t>(sign.vital);
    if (before.vitals[at] != after.vitals[at]) lines.push_back("vitals " + std::string(sign.field) + ": changed");
  }
}

std::unexpected<sluice::Error> refuse(std::string pointer, std::string why) {
  return sluice::fail(sluice::Error(sluice::Code::kFailedPrecondition, std::move(why))
                          .because("study-has-data")
                          .at(std::move(pointer)));
}

template <class Part>
Result<void> check_kept(const std::vector<Part>& before, const std::vector<Part>& after, const char* pointer) {
  auto kept = by_key(after);
  for (const Part& part : before)
    if (!kept.contains(key_of(part))) return refuse(pointer, name_of(part) + " is missing, and may have data");
  return {};
}

}  // namespace

std::vector<std::string> changes(const Study& before, const Study& after) {
  std::vector<std::string> lines;
  compare_heads(before, after, lines);
  compare_parts(before.sites, after.sites, lines);
  compare_parts(before.patients, after.patients, lines);
  compare_parts(before.instruments, after.instruments, lines);
  compare_vitals(before, after, lines);
  return lines;
}

Result<void> check_successor(const Study& before, const Study& after) {
  if (after.oid != before.oid) return refuse("/study/oid", "is another study");
  SLUICE_TRY(check_kept(before.sites, after.sites, "/sites"));
  SLUICE_TRY(check_kept(before.patients, after.patients, "/patients"));
  SLUICE_TRY(check_kept(before.instruments, after.instruments, "/instruments"));
  for (std::size_t i = 0; i < after.instruments.size(); ++i) {
    const Instrument& now = after.instruments[i];
    const Instrument* then = find_instrument(before, now.oid, now.version);
    if (then != nullptr && *then != now)
      return refuse("/instruments/" + std::to_string(i), name_of(now) + " is published: a change needs a new version");
  }
  return {};
}

}  // namespace epro
