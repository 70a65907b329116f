#pragma once
// Has the version stores of both sides looked after, and keeps what they said.

#include "workers/resolver/pair_work.h"

namespace twsync {

/// Fills work.stores from what the base remembers. REQUIRES: work.base, and work.meta as the last controller left it.
void recall_stores(PairWork& work, int64_t now_ns);

/// When, by the wall clock, the stores should be looked after next; 0 = never (the pair is not open).
int64_t next_tending(const PairWork& work);

/// Second looks, thinning, expiry on both sides (version_care.h); what came late becomes a conflict that is told.
/// Blocks for a task. REQUIRES: work.opened, no transaction, no batch under way. True when something that waited for
/// room may go on. An error of one side is told as a note and tried again later.
Result<bool> tend_stores(PairWork& work, const CycleServices& services);

/// Something is parked, or nothing is any more, because it does not fit.
void note_room_wanted(PairWork& work, bool wanted, int64_t now_ns);

/// A version came into a store: a second look is due a minute later, and after many, the limits.
void note_displaced(PairWork& work, int64_t now_ns);

}  // namespace twsync
