// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// The order in which a fiber takes locks, so that no two of them can wait for each other: a Mutex or RwMutex is told its
/// rank when it is made, and who holds one locks only those of a higher rank. Never two of the same: nobody could say which
/// one comes first. A lock without a rank is a leaf: who holds it locks nothing at all.
///
///   Mutex mutex_{LockRank::kNet};
///
/// The table says outer → inner, and follows the floors of layers.txt: a room calls the rooms below it, perhaps with its
/// lock held, and is called back by them never. A room that has to hold two of its own gets another line here, with the reason.
/// try_lock does not wait and may be called in any order; what it took counts for what is locked after it.
/// Checked where SLUICE_CHECKS is on (CMake; presets debug and asan): a mistake ends the process, with the stack that took
/// the one lock and the stack that asks for the other. Costs nothing elsewhere, not even room.
/// Source: hierarchical locks, A. N. Habermann et al., "Modularization and Hierarchy in a Family of Operating Systems", 1976.
enum class LockRank : std::uint16_t {
  // 1 to 99: for programs that have an order of their own: LockRank(7).
  kProgram = 100,  ///< what a program keeps beside its handlers. Outermost: it calls the library, and is not called by it
                   ///< with a lock held
  // → a program's record may be sent by a client
  kHttp = 200,     ///< what connections and clients share. Closing one that has idled too long closes a stream
  // → http may one day be served out of a reservoir, never the reverse: a reservoir knows no protocol
  kReservoir = 300,  ///< what is in the journal, and whose turn it is. Its files are reached without
  // → nothing in the reservoir uses a stream, and streams call nobody; so this is the order of a program that does both
  kTls = 350,        ///< a stream that is layered over another one
  // → it hands its ciphertext to the stream below with its lock held, so that records stay in order
  kNet = 400,        ///< a stream's own state; everything above reads and writes streams
  // → anything may be a leaf's outer lock, for a leaf has no inner one
  kLeaf = 0xffff,
};

/// "net"; empty for a program's own.
[[nodiscard]] constexpr std::string_view to_string(LockRank rank) noexcept {
  switch (rank) {
    case LockRank::kProgram: return "program";
    case LockRank::kHttp: return "http";
    case LockRank::kReservoir: return "reservoir";
    case LockRank::kTls: return "tls";
    case LockRank::kNet: return "net";
    case LockRank::kLeaf: return "leaf";
  }
  return {};
}

}  // namespace sluice
