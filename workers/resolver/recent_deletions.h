#pragma once
// The guard's sliding window (I6) across runs, in the base's memory.

#include "workers/resolver/pair_work.h"

namespace twsync {

/// Fills work.deletions. REQUIRES: work.base.
void recall_deletions(PairWork& work, int64_t now_ns);

/// Counts deletions that were carried out on `side` and writes the window down. Within the transaction that records
/// them, so that neither is without the other.
Status note_deletions(PairWork& work, Side side, uint64_t count, int64_t now_ns);

}  // namespace twsync
