// SPDX-License-Identifier: MIT
#include <apps/epro/store/instrument_cache.hpp>

#include <utility>

#include <sluice/db/sqlite_connection.hpp>

#include <apps/epro/record/study_json.hpp>

namespace epro {

using sluice::Result;

Result<const Instrument*> InstrumentCache::find(sluice::db::SqliteConnection& connection, std::string_view study,
                                                std::string_view oid, std::string_view version) {
  std::tuple key{std::string(study), std::string(oid), std::string(version)};
  if (auto known = known_.find(key); known != known_.end()) return &known->second;
  SLUICE_TRY(auto query, connection.prepare("SELECT definition FROM instruments "
                                            "WHERE study_oid = ?1 AND instrument_oid = ?2 AND version = ?3"));
  SLUICE_TRY(query.start({study, oid, version}));
  SLUICE_TRY(bool found, query.next());
  if (!found) return nullptr;
  auto instrument = parse_instrument(query.text(0));
  if (!instrument) return nullptr;
  if (known_.size() >= kInstrumentsMax) known_.clear();
  return &known_.emplace(std::move(key), *std::move(instrument)).first->second;
}

}  // namespace epro
