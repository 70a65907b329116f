#pragma once
// When a pair that should be in sync may not be. Pure.

#include <cstdint>

#include "common/wire/messages.h"

namespace twsync {

/// Nothing was done for `minutes` while something waits; its cycles are given up; or a worker is missing. `pair` null =
/// no broker serves it: then `last_done_ns` (wall clock, 0 = never) alone counts.
bool is_stale(const PairStatus* pair, const std::vector<WorkerStatus>& workers, int64_t last_done_ns, uint32_t minutes,
              int64_t now_ns);

}  // namespace twsync
