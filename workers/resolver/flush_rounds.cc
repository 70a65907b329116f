#include "workers/resolver/flush_rounds.h"

#include <algorithm>

#include "workers/resolver/pair_work.h"

namespace twsync {

namespace {

constexpr int64_t kQuietNs = kSecond;          // after the last record: a flush in the middle of a burst is wasted
constexpr int64_t kSettledNs = 120 * kSecond;  // what was confirmed this long ago no disk still holds in its cache
constexpr int64_t kRetryNs = 30 * kSecond;

bool any_fresh(const PairWork& work) {
  return work.doubt[0].fresh || work.doubt[1].fresh;
}

}  // namespace

Status flush_both(PairWork& work, const CycleServices& services) {
  ScanTask task;
  task.kind = ScanTaskKind::flush;
  task.pair_id = work.meta.pair_id;
  task.epoch = work.meta.epoch;
  const auto no_data = [](std::string_view) -> Status { return {}; };
  const auto done = services.tasks.call("scanner", work.config.name, encode(task), no_data, services.stop);
  return done ? Status{} : Status(done.error());
}

Status confirm_flush(PairWork& work, const CycleServices& services) {
  FlushRounds& rounds = work.rounds;
  // What only settles was flushed when it was confirmed: nobody else is woken for it.
  const Status flushed = rounds.unconfirmed ? flush_both(work, services) : Status{};
  if (!flushed.ok()) {
    rounds.not_before_ns = services.clock.steady_ns() + kRetryNs;
    return flushed;
  }
  const int64_t now = services.clock.steady_ns();
  const bool settled = rounds.candidate != 0 && now - rounds.candidate_ns >= kSettledNs;
  if (settled) work.meta.settled_round = rounds.candidate;
  if (settled || rounds.candidate == 0) {
    rounds.candidate = rounds.unconfirmed ? work.meta.round : 0;
    rounds.candidate_ns = now;
  }
  if (rounds.unconfirmed) ++work.meta.round;
  rounds.unconfirmed = false;
  SYNC_TRY(work.base->begin(false));
  if (settled && !any_fresh(work)) SYNC_TRY(work.base->forget_dropped(work.meta.settled_round));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

std::optional<int64_t> flush_due_ns(const PairWork& work) {
  const FlushRounds& rounds = work.rounds;
  if (!work.opened) return std::nullopt;
  if (rounds.unconfirmed) return std::max(rounds.recorded_ns + kQuietNs, rounds.not_before_ns);
  if (rounds.candidate != 0) return std::max(rounds.candidate_ns + kSettledNs, rounds.not_before_ns);
  return std::nullopt;
}

}  // namespace twsync
