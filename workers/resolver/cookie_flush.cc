#include "workers/resolver/cookie_flush.h"

#include <chrono>

#include "common/base/hasher.h"

namespace twsync {

namespace {
constexpr int64_t kPatienceNs = 5 * kSecond;
constexpr auto kLookForStop = std::chrono::milliseconds(100);
}  // namespace

bool CookieFlush::pass(const PairWork& work, const CycleServices& services) {
  const std::string name = random_hex(8);
  {
    const std::lock_guard lock(mutex_);
    awaited_ = name;
    whole_.reset();
  }
  // The code side is watched by another process; what it publishes for the cookie the broker passes on.
  Event ask;
  ask.kind = EventKind::cookie;
  ask.item = name;
  ask.text = work.meta.pair_id;
  services.emit(std::move(ask));
  ScanTask task;
  task.kind = ScanTaskKind::cookie;
  task.pair_id = work.meta.pair_id;
  task.epoch = work.meta.epoch;
  const auto no_data = [](std::string_view) { return Status{}; };
  if (!services.tasks.call("scanner", work.config.name, encode(task), no_data, services.stop)) return false;
  return code_side_saw(services);
}

bool CookieFlush::code_side_saw(const CycleServices& services) {
  const int64_t give_up_ns = services.clock.steady_ns() + kPatienceNs;
  std::unique_lock lock(mutex_);
  while (!whole_ && services.clock.steady_ns() < give_up_ns && !services.stop()) changed_.wait_for(lock, kLookForStop);
  awaited_.clear();
  return whole_.value_or(false);
}

void CookieFlush::seen(const std::string& name, bool whole) {
  const std::lock_guard lock(mutex_);
  if (name != awaited_) return;
  whole_ = whole;
  changed_.notify_all();
}

}  // namespace twsync
