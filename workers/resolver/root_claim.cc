#include "workers/resolver/root_claim.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <thread>

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr const char* kScanner = "scanner";
constexpr int64_t kEpochEveryNs = 3600 * kSecond;
constexpr int64_t kBusyPatienceNs = 3 * kSecond;
constexpr int64_t kOwnPatienceNs = 20 * kSecond;  // longer than a session lives that has lost its peer
constexpr std::chrono::milliseconds kBusyAgain{100};

std::string own_name() {
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  return str(host, ", pid ", getpid(), ", ");
}

}  // namespace

std::string holder_text(int64_t now_ns) {
  const std::time_t seconds = now_ns / kSecond;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return str(own_name(), "since ", when);
}

Result<std::string> ask_scanner(const PairWork& work, const CycleServices& services, const ScanTask& task) {
  const auto no_data = [](std::string_view) -> Status { return {}; };
  return services.tasks.call(kScanner, work.config.name, encode(task), no_data, services.stop);
}

Status claim_roots(PairWork& work, const CycleServices& services, uint64_t epoch, bool fresh) {
  ScanTask task;
  task.kind = ScanTaskKind::claim;
  task.pair_id = work.meta.pair_id;
  task.hash_key = work.meta.hash_key;
  task.epoch = epoch;
  task.holder = holder_text(services.clock.wall_ns());
  task.fresh = fresh;
  std::optional<Error> refused;
  const int64_t began_ns = services.clock.steady_ns();
  for (;;) {
    const auto claimed = ask_scanner(work, services, task);
    if (claimed) return {};
    // An earlier session of ours that is on its way out gives the lock back by itself.
    const bool ours = claimed.error().message.find(own_name()) != std::string::npos;
    const bool patient = claimed.error().code == ErrorCode::busy && !services.stop() &&
                         services.clock.steady_ns() - began_ns < (ours ? kOwnPatienceNs : kBusyPatienceNs);
    // Who gives way to another controller has closed its sides.
    if (refused && claimed.error().code == ErrorCode::stale) return *refused;
    if (!patient) return claimed.error();
    refused = claimed.error();
    std::this_thread::sleep_for(kBusyAgain);
  }
}

Status raise_epoch_if_due(PairWork& work, const CycleServices& services) {
  const int64_t now = services.clock.steady_ns();
  if (now - work.epoch_raised_ns < kEpochEveryNs) return {};
  SYNC_TRY(claim_roots(work, services, work.meta.epoch + 1));
  ++work.meta.epoch;
  work.epoch_raised_ns = now;
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

}  // namespace twsync
