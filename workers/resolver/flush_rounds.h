#pragma once
// Up to where both sides are known to have everything on disk. What the applier reported is on its side's disk already;
// this is about the side that a person changed, and about disks that answer too early.

#include <cstdint>
#include <optional>

#include "common/base/result.h"

namespace twsync {

struct PairWork;
struct CycleServices;

/// A round of base rows (BaseRow::round) is *confirmed* when both sides were told to put everything on disk after it,
/// and *settled* when that was long ago. After an unclean stop what is not settled is in doubt.
struct FlushRounds {
  bool unconfirmed = false;   ///< something was recorded since the last confirmed flush
  int64_t recorded_ns = 0;    ///< steady: when last
  uint32_t candidate = 0;     ///< confirmed, not yet settled; 0 = none
  int64_t candidate_ns = 0;   ///< steady: when it was confirmed
  int64_t not_before_ns = 0;  ///< steady: after a failure
};

/// Both sides put everything on disk.
Status flush_both(PairWork& work, const CycleServices& services);

/// Has both sides put on disk what is not confirmed, ends the round, and notes it in the base (a lost note costs only
/// reading). REQUIRES: work.opened and nothing being applied. A failure leaves everything as it was: less is confirmed.
Status confirm_flush(PairWork& work, const CycleServices& services);

/// When confirm_flush() is due next (steady), if nothing else happens; nullopt = there is nothing to confirm.
std::optional<int64_t> flush_due_ns(const PairWork& work);

}  // namespace twsync
