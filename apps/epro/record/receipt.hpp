// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/base/result.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/flags.hpp>
#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

/// What identifies a submission everywhere: half a hash of its study and id. The same as reservoir::Key.
using Key16 = std::array<std::byte, 16>;

/// "r_", 32 hexadecimal digits of the key, 16 of the payload's hash. A pure function of what was sent, so a replay gets
/// the same id even where nobody remembers the first one.
[[nodiscard]] std::string receipt_id_of(const Key16& key, const sluice::Sha256& payload);
/// The key in a receipt id; nothing for any other text. Whether such a receipt was ever given, and for this payload, is
/// for the caller to look up: compare with receipt_id_of.
[[nodiscard]] std::optional<Key16> parse_receipt_id(std::string_view text);

/// The part of a receipt that was decided when the report came in. A later definition of the study may decide otherwise,
/// so it is remembered with the submission's key: a replay then gets the same receipt, byte for byte.
struct ReceiptNote {
  Uuid submission_id;
  Disposition disposition = Disposition::kAccepted;
  Flags flags;
  std::vector<Finding> findings;
  std::optional<std::chrono::milliseconds> skew;

  friend bool operator==(const ReceiptNote&, const ReceiptNote&) = default;
};

/// The verdict, for remembering.
[[nodiscard]] ReceiptNote note_of(const Uuid& submission_id, const Verdict& verdict);
/// Its bytes: some 22 for an accepted report, and for each finding two more than its pointer has.
[[nodiscard]] std::string encode_note(const ReceiptNote& note);
/// kDataLoss: these are not the bytes of a note.
[[nodiscard]] sluice::Result<ReceiptNote> decode_note(std::string_view bytes);

/// Where a report lies in the journal of a node.
struct JournalPlace {
  std::string node;
  std::uint64_t pos = 0;

  friend bool operator==(const JournalPlace&, const JournalPlace&) = default;
};

/// What a client gets for a report that is durable (api.md): it may delete its own copy.
struct Receipt {
  std::string id;
  ReceiptNote note;
  sluice::WallTime received_at;
  sluice::Sha256 payload_sha256{};
  JournalPlace journal;

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

/// The receipt as JSON, members in the order of api.md; `skewMs` is null where the report gave no instant to compare.
/// `state` is "journaled", "stored" or "quarantined" for who asks later, and comes last; nothing leaves it out.
[[nodiscard]] std::string to_json(const Receipt& receipt, std::optional<std::string_view> state = std::nullopt);

}  // namespace epro
