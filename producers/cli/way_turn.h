#pragma once
// One after the other: commands of one way back that come in a burst.

#include <cstdint>

#include "common/fs/unique_fd.h"
#include "producers/cli/ways_back.h"

namespace twsync {

/// Holds the way's lock until it is destroyed. After `timeout_ms`, or where no lock can be made, it goes on without.
UniqueFd wait_for_turn(const WayBack& way, int64_t timeout_ms);

}  // namespace twsync
