// SPDX-License-Identifier: MIT
#include <apps/epro/record/internal/object_reader.hpp>

#include <algorithm>
#include <optional>

#include <sluice/schema/json_pointer.hpp>

#include <apps/epro/record/study.hpp>

namespace epro::internal {
namespace {

using sluice::Result;
using sluice::schema::Json;
using sluice::schema::JsonKind;

std::unexpected<sluice::Error> fail_at(std::string pointer, std::string_view why, DocumentKind kind) {
  return sluice::fail(
      sluice::Error(sluice::Code::kInvalidArgument, std::string(why)).because(kind.reason).at(std::move(pointer)));
}

}  // namespace

Result<ObjectReader> ObjectReader::of(const Json& json, std::string pointer, DocumentKind kind) {
  if (!json.is_object()) return fail_at(std::move(pointer), "is no object", kind);
  return ObjectReader(json, std::move(pointer), kind);
}

const Json* ObjectReader::find(std::string_view name) const {
  const Json* member = json_->find(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

Result<const Json*> ObjectReader::required(std::string_view name) const {
  const Json* member = find(name);
  if (member == nullptr) return refuse(name, "is missing");
  return member;
}

Result<ObjectReader> ObjectReader::object(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  return of(*member, pointer_to(name), kind_);
}

Result<std::span<const Json>> ObjectReader::list(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  if (!member->is_array()) return refuse(name, "is no list");
  return member->items();
}

Result<std::string> ObjectReader::text(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  if (!member->is_string()) return refuse(name, "is no text");
  return member->text();
}

Result<std::string> ObjectReader::identifier(std::string_view name) const {
  SLUICE_TRY(std::string identifier, text(name));
  if (!is_identifier(identifier)) return refuse(name, "is empty, too long or holds a control character");
  return identifier;
}

Result<Uuid> ObjectReader::uuid(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  std::optional<Uuid> uuid = parse_uuid(member->text());
  if (!uuid) return refuse(name, "is no UUID");
  return *uuid;
}

Result<std::int64_t> ObjectReader::positive(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  std::optional<std::int64_t> number = member->integer();
  if (!number || *number < 1) return refuse(name, "is no whole number of 1 or more");
  return *number;
}

Result<bool> ObjectReader::boolean(std::string_view name) const {
  SLUICE_TRY(const Json* member, required(name));
  if (!member->is_boolean()) return refuse(name, "is neither true nor false");
  return member->boolean();
}

Result<ObjectReader> ObjectReader::element(std::string_view list, std::size_t index, const Json& item) const {
  return of(item, sluice::schema::pointer(pointer_to(list), index), kind_);
}

Value ObjectReader::value(std::string_view name) const {
  const Json* member = json_->find(name);
  if (member == nullptr) return {};
  switch (member->kind()) {
    case JsonKind::kNull: return {};
    case JsonKind::kBoolean: return {ValueKind::kBoolean, member->boolean() ? "true" : "false"};
    case JsonKind::kNumber: return {ValueKind::kNumber, member->number_text()};
    case JsonKind::kString: return {ValueKind::kText, member->text()};
    case JsonKind::kArray:
    case JsonKind::kObject: break;
  }
  return {ValueKind::kStructure, {}};
}

Result<void> ObjectReader::allow_only(std::span<const std::string_view> names) const {
  for (const sluice::schema::Member& member : json_->members()) {
    if (std::ranges::find(names, member.name) != names.end()) continue;
    // The name comes from outside and may have any length.
    std::string pointer = pointer_to(member.name);
    if (pointer.size() > sluice::schema::kPointerBytesMax) pointer = pointer_;
    return fail_at(std::move(pointer), "is unknown", kind_);
  }
  return {};
}

std::unexpected<sluice::Error> ObjectReader::refuse(std::string_view name, std::string_view why) const {
  return fail_at(pointer_to(name), why, kind_);
}

std::string ObjectReader::pointer_to(std::string_view name) const { return sluice::schema::pointer(pointer_, name); }

}  // namespace epro::internal
