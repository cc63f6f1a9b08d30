// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/schema/json_value.hpp>

#include <apps/epro/record/uuid.hpp>
#include <apps/epro/record/value.hpp>

namespace epro::internal {

/// Where a document came from and what is wrong with one that is not as it has to be: "invalid-envelope".
struct DocumentKind {
  const char* reason;
};

/// Takes one object of a document apart. An error is kInvalidArgument with the document's reason and the pointer of the
/// member at fault, from the document's root; what a member holds is never in it. null counts as not given.
///
///   SLUICE_TRY(auto device, report.object("device"));
///   SLUICE_TRY(std::int64_t seq, device.positive("seq"));
///
/// Lifetime: the document outlives its readers.
class ObjectReader {
 public:
  /// `pointer` is where `json` stands; empty: it is the document. The error: `json` is no object.
  [[nodiscard]] static sluice::Result<ObjectReader> of(const sluice::schema::Json& json, std::string pointer,
                                                       DocumentKind kind);

  /// The member; null if it is not given.
  [[nodiscard]] const sluice::schema::Json* find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

  // What has to be there, and of what kind.
  [[nodiscard]] sluice::Result<ObjectReader> object(std::string_view name) const;
  [[nodiscard]] sluice::Result<std::span<const sluice::schema::Json>> list(std::string_view name) const;
  [[nodiscard]] sluice::Result<std::string> text(std::string_view name) const;
  /// A text that is_identifier().
  [[nodiscard]] sluice::Result<std::string> identifier(std::string_view name) const;
  [[nodiscard]] sluice::Result<Uuid> uuid(std::string_view name) const;
  /// A whole number of 1 or more.
  [[nodiscard]] sluice::Result<std::int64_t> positive(std::string_view name) const;
  [[nodiscard]] sluice::Result<bool> boolean(std::string_view name) const;

  /// An item of a list that is a member, as an object.
  [[nodiscard]] sluice::Result<ObjectReader> element(std::string_view list, std::size_t index,
                                                     const sluice::schema::Json& item) const;
  /// The member as an answer or measurement, whatever it is.
  [[nodiscard]] Value value(std::string_view name) const;

  /// The error: there is a member of another name, null or not.
  [[nodiscard]] sluice::Result<void> allow_only(std::span<const std::string_view> names) const;

  [[nodiscard]] std::unexpected<sluice::Error> refuse(std::string_view name, std::string_view why) const;
  [[nodiscard]] std::string pointer_to(std::string_view name) const;

 private:
  ObjectReader(const sluice::schema::Json& json, std::string pointer, DocumentKind kind)
      : json_(&json), pointer_(std::move(pointer)), kind_(kind) {}
  [[nodiscard]] sluice::Result<const sluice::schema::Json*> required(std::string_view name) const;

  const sluice::schema::Json* json_;
  std::string pointer_;
  DocumentKind kind_;
};

}  // namespace epro::internal
