// What a cycle tells and records of a plan that was carried out.

#include <algorithm>

#include "common/base/text.h"
#include "workers/resolver/cycle.h"
#include "workers/resolver/parked_items.h"
#include "workers/resolver/store_care.h"
#include "workers/resolver/unkept.h"

namespace twsync {

Status Cycle::note_outcome(const Plan& plan, const PlanOutcome& outcome) {
  const int64_t now = services_.clock.wall_ns();
  SYNC_ASSIGN(const auto conflicts, conflict_records(*work_.base, plan, outcome, now));
  SYNC_ASSIGN(const auto parked_before, work_.base->parked());
  const auto parked = parked_records(plan, outcome, parked_before, now);
  for (const auto& conflict : conflicts) tell(conflict);
  for (const auto& item : parked) {
    const bool known = std::any_of(parked_before.begin(), parked_before.end(),
                                   [&](const ParkedRecord& was) { return was.id == item.id; });
    if (!known || !order_.only_news) tell(item);
  }
  const bool too_full = std::any_of(parked.begin(), parked.end(),
                                    [](const ParkedRecord& item) { return item.reason == ParkedReason::no_space; });
  note_room_wanted(work_, too_full, now);
  count(outcome, conflicts, parked);
  return order_.dry_run ? Status{} : record(conflicts, parked, now);
}

void Cycle::tell(const ConflictRecord& c) {
  Event event;
  event.kind = EventKind::conflict;
  event.path = c.path;
  event.item = c.id;
  event.text =
      c.open ? "waits for `twsync resolve`: " + c.text
             : str(c.winner == ConflictWinner::code ? "the code" : "the deploy", " server's version stands; ", c.text,
                   c.loser_version.empty() ? "" : ("; the other is kept as version " + c.loser_version).c_str());
  services_.emit(std::move(event));
}

void Cycle::tell(const ParkedRecord& p) {
  Event event;
  event.kind = EventKind::parked;
  event.path = p.paths.size() == 1 ? p.paths.front() : std::string{};
  event.item = p.id;
  event.text = p.text;
  services_.emit(std::move(event));
}

void Cycle::count(const PlanOutcome& outcome, const std::vector<ConflictRecord>& conflicts,
                  const std::vector<ParkedRecord>& parked) {
  summary_.conflicts += conflicts.size();
  summary_.parked = parked.size();
  summary_.guarded = static_cast<uint64_t>(std::count_if(parked.begin(), parked.end(), [](const ParkedRecord& item) {
    return item.reason == ParkedReason::mass_deletion;
  }));
  for (const auto& c : conflicts) summary_.parked += c.open ? 1 : 0;
  summary_.skipped += outcome.kept_directories + outcome.apart;
  summary_.operations += outcome.done;
  summary_.failed = outcome.failed;
  summary_.bytes_sent += outcome.bytes_sent;
  summary_.bytes_received += outcome.bytes_received;
  summary_.content_bytes += outcome.content_bytes;
}

Status Cycle::record(const std::vector<ConflictRecord>& conflicts, const std::vector<ParkedRecord>& parked,
                     int64_t now) {
  SYNC_TRY(work_.base->begin(false));
  for (const auto& c : conflicts) SYNC_TRY(work_.base->add_conflict(c));
  if (only_.empty()) {
    SYNC_TRY(replace_parked(*work_.base, parked));
    SYNC_TRY(close_settled_conflicts(*work_.base, conflicts));
  } else if (!order_.decided.empty() && summary_.failed == 0) {
    SYNC_TRY(work_.base->close_conflict(order_.decided));
  }
  SYNC_TRY(record_special(work_, now));
  return work_.base->commit();
}

}  // namespace twsync
