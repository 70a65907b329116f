#include "common/app/staleness.h"

#include "common/base/clock.h"

namespace twsync {

bool is_stale(const PairStatus* pair, int64_t last_done_ns, uint32_t minutes, int64_t now_ns) {
  const int64_t limit = int64_t{minutes} * 60 * kSecond;
  const bool old = last_done_ns == 0 || now_ns - last_done_ns > limit;
  if (pair == nullptr) return old;
  if (pair->state == "buried" || pair->missing_ms > kMissingGraceMs) return true;
  if (last_done_ns == 0 && pair->state == "running") return false;  // the first sync takes as long as it takes
  // After a rest the last sync is long ago, and what came up just now is not late.
  return old && pair->busy_ms * kMillisecond > limit;
}

}  // namespace twsync
