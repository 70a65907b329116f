#include "workers/resolver/recovery.h"

#include <algorithm>

#include "common/core/suspicion.h"

namespace twsync {

Status end_first_look(PairWork& work, const Policy& policy) {
  if (!work.doubt[0].fresh && !work.doubt[1].fresh) return {};
  SYNC_ASSIGN(const auto states, work.pending.states(*work.base, {}, true));
  for (const Side side : {Side::code, Side::deploy}) {
    Doubt& doubt = work.doubt[static_cast<size_t>(side)];
    const bool suspects = std::any_of(states.begin(), states.end(), [&](const PathState& state) {
      return suspicion_of(state, side, policy) != Suspicion::none;
    });
    if (!doubt.fresh || suspects) continue;
    doubt.fresh = false;
    doubt.active = work.meta.recovery(side).audit;
    work.meta.recovery(side).doubt = doubt;
  }
  SYNC_TRY(work.base->begin(false));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

}  // namespace twsync
