#pragma once
// When a pair that should be in sync may not be. Pure.

#include <cstdint>

#include "common/wire/messages.h"

namespace twsync {

/// A process that is away for no longer than that is being started again.
constexpr int64_t kMissingGraceMs = 30'000;

/// For `minutes` something has been waiting and nothing was done; its cycles are given up; or a process that it needs
/// is missing for longer than the grace. `pair` null = no broker serves it: then `last_done_ns` (wall clock, 0 = never)
/// alone counts.
bool is_stale(const PairStatus* pair, int64_t last_done_ns, uint32_t minutes, int64_t now_ns);

}  // namespace twsync
