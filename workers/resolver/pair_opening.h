#pragma once
// Opening a pair: base, both sides, root identity, claim (DESIGN.md section 7).

#include "workers/resolver/pair_work.h"

namespace twsync {

/// Makes `work.opened` true, or says why not. Marker first, then base: a crash in between leaves the markers one ahead.
/// guard = a root's identity stopped it (parked as an item of its own); busy = another controller.
/// `rehome`: a person approved that stop.
Status open_pair(PairWork& work, const CycleServices& services, bool rehome);

/// Notes in the base that the controller went in order.
Status close_pair(PairWork& work);

}  // namespace twsync
