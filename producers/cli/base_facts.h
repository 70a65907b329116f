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

}  // namespace twsync
