#pragma once
// What a person decided about a parked item, turned into an order for the next cycle.

#include "workers/resolver/cycle.h"

namespace twsync {

/// resolve, approve, reject: fills `order`. usage = no such item (any more), or a choice it doesn't have.
Status prepare_decision(const Request& request, PairWork& work, CycleOrder& order);

}  // namespace twsync
