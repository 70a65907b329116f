#include "common/app/staleness.h"

#include <algorithm>

#include "common/base/clock.h"

namespace twsync {

namespace {

bool has_worker(const std::vector<WorkerStatus>& workers, std::string_view service) {
  return std::any_of(workers.begin(), workers.end(), [&](const WorkerStatus& w) { return w.service == service; });
}

}  // namespace

bool is_stale(const PairStatus* pair, const std::vector<WorkerStatus>& workers, int64_t last_done_ns, uint32_t minutes,
              int64_t now_ns) {
  const int64_t limit = int64_t{minutes} * 60 * kSecond;
  const bool old = last_done_ns == 0 || now_ns - last_done_ns > limit;
  if (pair == nullptr) return old;
  if (pair->state == "buried") return true;
  for (const char* service : {"resolver", "scanner", "transfer"}) {
    if (!has_worker(workers, service)) return true;
  }
  const bool busy = pair->hints_waiting > 0 || pair->requests_waiting > 0 || pair->state != "idle";
  if (last_done_ns == 0) return pair->state != "running";  // the first sync takes as long as it takes
  return busy && old;
}

}  // namespace twsync
