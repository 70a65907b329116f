// What a cycle tells and records of a plan that was carried out.

#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "common/core/units.h"
#include "workers/resolver/cycle.h"
#include "workers/resolver/parked_items.h"
#include "workers/resolver/store_care.h"
#include "workers/resolver/unkept.h"

namespace twsync {

namespace {

constexpr Side kSides[] = {Side::code, Side::deploy};

}  // namespace

Status Cycle::note_outcome(const PassNotes& notes) {
  const int64_t now = services_.clock.wall_ns();
  const auto& conflicts = notes.conflicts;
  SYNC_ASSIGN(const auto parked_before, work_.base->parked());
  const auto elsewhere = [&](Side side, const std::string& path) { return !notes.whole || is_elsewhere(side, path); };
  const auto all_parked = parked_records(notes.parked, notes.outcome, parked_before, now, elsewhere);
  const auto parked = parked_now(notes.parked, notes.outcome, all_parked);
  for (const auto& conflict : conflicts) tell(conflict);
  for (const auto& item : parked) {
    const bool known = std::any_of(parked_before.begin(), parked_before.end(),
                                   [&](const ParkedRecord& was) { return was.id == item.id; });
    if (!known || !order_.only_news) tell(item);
  }
  const bool too_full = std::any_of(parked.begin(), parked.end(),
                                    [](const ParkedRecord& item) { return item.reason == ParkedReason::no_space; });
  note_room_wanted(work_, too_full, now);
  count(notes.outcome, conflicts, parked);
  return order_.dry_run ? Status{} : record(conflicts, all_parked, notes.whole, now);
}

bool Cycle::is_elsewhere(Side side, const std::string& path) const {
  if (order_.direction != Direction::both && side == untouched_side(order_.direction)) return true;
  return !only_.empty() && std::none_of(only_.begin(), only_.end(), [&](const Scope& scope) {
    return scope.recursive ? is_at_or_below(path, scope.path) : path == scope.path;
  });
}

bool Cycle::is_settled(const std::string& path) const {
  if (unit_of(policy_, path)) {  // it was decided with all that is below
    return std::none_of(std::begin(kSides), std::end(kSides), [&](Side side) {
      const auto next = work_.pending.side(side).lower_bound(path);
      return next != work_.pending.side(side).end() && is_at_or_below(next->first, path);
    });
  }
  return work_.pending.find(Side::code, path) == nullptr && work_.pending.find(Side::deploy, path) == nullptr;
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

Status Cycle::record(const std::vector<ConflictRecord>& conflicts, const std::vector<ParkedRecord>& parked, bool whole,
                     int64_t now) {
  SYNC_TRY(work_.base->begin(false));
  for (const auto& c : conflicts) SYNC_TRY(work_.base->add_conflict(c));
  SYNC_TRY(replace_parked(*work_.base, parked));
  if (only_.empty() && whole) {
    SYNC_TRY(close_settled_conflicts(*work_.base, conflicts));
  } else if (!order_.decided.empty() && is_settled(order_.decided)) {
    SYNC_TRY(work_.base->close_conflict(order_.decided));
  }
  SYNC_TRY(record_special(work_, now));
  return work_.base->commit();
}

}  // namespace twsync
