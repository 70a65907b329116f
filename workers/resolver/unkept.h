#pragma once
// What one side cannot keep as it is on the other: told once, remembered in the base, counted by `status`.

#include <set>
#include <string>
#include <vector>

#include "workers/resolver/pair_work.h"

namespace twsync {

/// Takes over what the base remembers, and drops of it what is in sync no more. REQUIRES: work.base, no transaction.
Status recall_unkept(PairWork& work);

/// After an operation succeeded and its row was written: which of its metadata did not stick. Within the transaction
/// that records it.
Status note_metadata(PairWork& work, const CycleServices& services, const Policy& policy, const Operation& op,
                     const OpResult& result);

/// After the row of `path` changed: what both sides hold alike now is forgotten. Within a transaction.
Status settle_unkept(PairWork& work, const std::string& path);

/// After a scan of `scopes`: what stands there and is never synced (`found`). Returns the paths that were not known.
std::set<std::string> note_special(PairWork& work, Side side, const std::vector<Scope>& scopes,
                                   const std::vector<std::string>& found);

/// Brings the base up to what note_special() was told. Within a transaction.
Status record_special(PairWork& work, int64_t now_ns);

}  // namespace twsync
