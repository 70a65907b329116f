#pragma once
// Damage or edit? What an unclean stop may have done to an entry (R100-R108, I15).

#include <cstdint>

#include "common/model/entry.h"
#include "common/model/policy.h"

namespace twsync {

struct PathState;

enum class Suspicion : uint8_t {
  none,
  metadata,  ///< the content is right, the metadata are those of before: they never win
  whole,     ///< the entry, or its absence, is damage: it never wins and never deletes
};

/// Recorded so shortly before the stop that it may never have reached the disk.
bool recorded_lately(const BaseRow& row, const Doubt& doubt);

/// The content must be read although the fingerprint is the recorded one. `row` may be null.
bool must_verify(const BaseRow* row, Side side, const Entry& now, const Policy& policy);

/// What is to be thought of what is pending at the path on `side`.
Suspicion suspicion_of(const PathState& state, Side side, const Policy& policy);

}  // namespace twsync
