// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include <sluice/base/result.hpp>

#include <apps/epro/record/instrument.hpp>

namespace sluice::db {
class SqliteConnection;
}

namespace epro {

/// Every report is taken apart by its instrument, and there are few of them: so they are read from the database once.
/// A version never changes once it is published, hence what is here stays true for as long as its row is committed.
/// Threads: one.
class InstrumentCache {
 public:
  /// Null: the database has no such instrument that can be read. Borrowed until the next call.
  sluice::Result<const Instrument*> find(sluice::db::SqliteConnection& connection, std::string_view study,
                                         std::string_view oid, std::string_view version);
  /// After a transaction that was rolled back: its instruments are not there any more.
  void clear() { known_.clear(); }

 private:
  /// A study has a few instruments and a platform some dozen studies; beyond it the cache begins anew.
  static constexpr std::size_t kInstrumentsMax = 1000;

  std::map<std::tuple<std::string, std::string, std::string>, Instrument> known_;
};

}  // namespace epro
