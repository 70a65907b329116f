#pragma once
// What a dead session left in stage/: ours goes, somebody's data goes to the version store.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/state_dir.h"
#include "common/fs/version_store.h"

namespace twsync {

constexpr std::string_view kStageTemporary = "new-";

/// Opens and locks the session directory `name`. busy when its owner lives, not_found when it was removed meanwhile.
Result<UniqueFd> lock_session(int stage_fd, const std::string& name);

/// Goes through every session that nobody holds. An entry that is not ours and cannot be stored stays where it is: the
/// error is returned and the next start tries again.
Status clean_stage(const StateDir& state, VersionStore& store);

}  // namespace twsync
