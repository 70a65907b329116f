#pragma once
// What base.db of a pair says, for commands that only look.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/app/config.h"
#include "common/store/base_store.h"

namespace twsync {

/// nullopt when the pair was never synced here.
Result<std::optional<std::unique_ptr<BaseStore>>> open_base(const PairConfig& pair);

/// A run claimed both roots for the pair: what never reached the other server leaves a base that says nothing. A base
/// that cannot be read says so: there was one.
bool was_claimed(const PairConfig& pair);

/// A cycle of the pair was carried out to its end, as above.
bool was_synced(const PairConfig& pair);

}  // namespace twsync
