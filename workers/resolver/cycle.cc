#include "workers/resolver/cycle.h"

#include <algorithm>
#include <iterator>

#include "workers/resolver/parked_items.h"

namespace twsync {

namespace {

constexpr int kPasses = 4;         // plan again this often for what turned out stale; the rest is hinted
constexpr size_t kPiece = 16'384;  // entries of a first contact that are planned at once; two such plans are there

void add(PlanOutcome& sum, PlanOutcome&& more) {
  sum.done += more.done;
  sum.failed += more.failed;
  sum.kept_directories += more.kept_directories;
  sum.apart += more.apart;
  sum.content_bytes += more.content_bytes;
  sum.bytes_sent += more.bytes_sent;
  sum.bytes_received += more.bytes_received;
  sum.again.insert(sum.again.end(), std::make_move_iterator(more.again.begin()),
                   std::make_move_iterator(more.again.end()));
  sum.parked.insert(sum.parked.end(), std::make_move_iterator(more.parked.begin()),
                    std::make_move_iterator(more.parked.end()));
  sum.error = std::move(more.error);
}

/// Conflicts with the places of the operations that decide them, and what is parked.
void add_what_is_told(Plan& told, const Plan& plan) {
  std::set<std::string_view> contested;
  for (const Conflict& conflict : plan.conflicts) contested.insert(conflict.path);
  for (const Operation& op : plan.operations) {
    if (contested.contains(op.path)) told.operations.emplace_back().path = op.path;
  }
  told.conflicts.insert(told.conflicts.end(), plan.conflicts.begin(), plan.conflicts.end());
  told.parked.insert(told.parked.end(), plan.parked.begin(), plan.parked.end());
}

}  // namespace

Cycle::Cycle(PairWork& work, const CycleServices& services, const CycleOrder& order)
    : work_(work), services_(services), order_(order), started_ns_(services.clock.steady_ns()) {
  policy_.conflicts = order.decided.empty() ? order.policy.value_or(work.config.policy) : work.config.policy;
  policy_.decided_path = order.decided;
  policy_.decided = order.policy.value_or(work.config.policy);
  policy_.preserve_owner = work.preserve_owner();
  policy_.preserve_xattrs = work.config.preserve_xattrs;
  policy_.preserve_hardlinks = work.config.preserve_hardlinks;
  policy_.units = work.config.together;
  policy_.skew_ns = work.sides.skew_ns;
  policy_.code_doubt = work.doubt[0];
  policy_.deploy_doubt = work.doubt[1];
}

CycleResult Cycle::run() {
  ++work_.cycle;
  Status status = gather();
  for (int n = 0; n < kPasses && status.ok(); ++n) {
    bool more = false;
    const bool rules_differed = rules_pending();
    status = pass(more);
    if (status.ok() && rules_differed && !rules_pending()) more = look_by_new_rules();
    if (!more || !status.ok()) break;
    HintSet stale;
    std::swap(stale, again_);
    if (n + 1 == kPasses) {
      again_ = std::move(stale);
      break;
    }
    status = scan(stale);
  }
  if (status.ok() && !order_.dry_run) tell_left_over();
  finish(status);
  CycleResult result;
  result.summary = summary_;
  for (const Side side : {Side::code, Side::deploy}) {
    for (auto& scope : again_.scopes(side)) {
      Hint hint;
      hint.pair = work_.config.name;
      hint.side = side;
      hint.path = scope.path;
      hint.recursive = scope.recursive;
      result.again.push_back(std::move(hint));
    }
  }
  return result;
}

// Stale to the end: files that never rest. A direction isn't to blame for them, so they are failed (I13).
void Cycle::tell_left_over() {
  std::set<std::string> paths;
  for (const Side side : {Side::code, Side::deploy}) {
    for (const auto& scope : again_.scopes(side)) {
      if (work_.pending.find(Side::code, scope.path) != nullptr ||
          work_.pending.find(Side::deploy, scope.path) != nullptr)
        paths.insert(scope.path);
    }
  }
  left_over_ = paths.size();
  for (const auto& path : paths)
    tell_skipped(path, "it keeps changing and was not carried; it is tried again", !order_.only_news);
}

Status Cycle::pass(bool& more) {
  summary_.operations = order_.dry_run ? 0 : summary_.operations;
  PassNotes notes;
  Status carried;
  std::optional<FirstContact> contact;
  if (only_.empty() && !in_doubt()) {
    SYNC_ASSIGN(contact, FirstContact::of(work_.pending, *work_.base, kPiece, policy_));
  }
  if (contact) {
    carried = pass_in_pieces(*contact, notes);
  } else {
    SYNC_ASSIGN(Plan plan, make());
    if (!order_.dry_run) SYNC_TRY(wait_for_moves(plan));
    SYNC_TRY(carry_out(plan, notes));
  }
  SYNC_TRY(note_outcome(notes));
  for (const auto& path : notes.outcome.again) {
    again_.add(Side::code, path, false);
    again_.add(Side::deploy, path, false);
  }
  more = !again_.empty() && carried.ok() && notes.outcome.error.code == ErrorCode::ok;
  if (notes.outcome.error.code != ErrorCode::ok) return notes.outcome.error;
  return carried;
}

PlanRun Cycle::new_run() {
  recorded_ = true;
  return {work_, services_, policy_, scanned_ns_[0], scanned_ns_[1], order_.list_operations};
}

Status Cycle::pass_in_pieces(FirstContact& contact, PassNotes& notes) {
  if (order_.dry_run) {
    while (contact.next()) {
      SYNC_ASSIGN(const Plan plan, make(&contact));
      SYNC_TRY(carry_out(plan, notes));
    }
    return {};
  }
  PlanRun run = new_run();
  run.expect_pieces(contact.operations(), contact.content_bytes());
  Plan told;
  const Status handed_out = hand_out_pieces(contact, run, told);
  if (!handed_out.ok()) run.abandon();
  notes.whole = handed_out.ok() && !contact.next();
  SYNC_TRY(take_outcome(told, run.finish(), notes));
  return handed_out;
}

/// `told`: what is to be said of them at the end.
Status Cycle::hand_out_pieces(FirstContact& contact, PlanRun& run, Plan& told) {
  bool more = true;
  while (more && contact.next()) {
    SYNC_ASSIGN(Plan plan, make(&contact));
    contact.hold_back(plan);
    SYNC_TRY(agree(plan));
    add_what_is_told(told, plan);
    more = run.hand_out(std::move(plan));
  }
  if (more) run.hand_out(contact.held_back());
  return {};
}

Status Cycle::carry_out(const Plan& plan, PassNotes& notes) {
  if (order_.dry_run) {
    announce(plan);
    return take_outcome(plan, pretended_outcome(plan), notes);
  }
  SYNC_TRY(agree(plan));
  return take_outcome(plan, plan.operations.empty() ? PlanOutcome{} : new_run().run(plan), notes);
}

Status Cycle::take_outcome(const Plan& plan, PlanOutcome&& outcome, PassNotes& notes) {
  SYNC_ASSIGN(auto conflicts, conflict_records(*work_.base, plan, outcome, services_.clock.wall_ns()));
  notes.conflicts.insert(notes.conflicts.end(), std::make_move_iterator(conflicts.begin()),
                         std::make_move_iterator(conflicts.end()));
  notes.parked.parked.insert(notes.parked.parked.end(), plan.parked.begin(), plan.parked.end());
  add(notes.outcome, std::move(outcome));
  return {};
}

void Cycle::finish(Status status) {
  for (const std::string& id : woken_) services_.tasks.cancel(id);
  if (work_.base) work_.base->rollback();
  if (recorded_) {
    work_.rounds.unconfirmed = true;
    work_.rounds.recorded_ns = services_.clock.steady_ns();
  }
  if (status.ok() && !order_.dry_run) status = close();
  if (!status.ok()) summary_.error = status.error();
  std::vector<std::string> pending;
  for (const Side side : {Side::code, Side::deploy}) {
    for (const auto& [path, entry] : work_.pending.side(side)) {
      // Sockets and the like are never synced, so they keep nothing out of sync; a kept directory was told.
      if (entry.kind == Kind::other || work_.kept[static_cast<size_t>(other(side))].contains(path)) continue;
      pending.push_back(path);
    }
  }
  std::sort(pending.begin(), pending.end());
  summary_.pending = static_cast<uint64_t>(std::unique(pending.begin(), pending.end()) - pending.begin());
  summary_.failed += unreadable_ + left_over_;
  summary_.dry_run = order_.dry_run;
  summary_.in_sync = status.ok() && summary_.pending == 0 && summary_.parked == 0 && summary_.failed == 0;
  summary_.duration_ns = services_.clock.steady_ns() - started_ns_;
}

Status Cycle::close() {
  // Of what could not be looked at nobody knows whether it was lost; what a permission or a mount hides is no damage.
  if (only_.empty() && work_.pending_known && !unknown_) SYNC_TRY(end_first_look(work_, policy_));
  // A cycle that found nothing to record leaves the base alone, but for the first one of a pair.
  if (!recorded_ && work_.meta.completed > 0 && !order_.full) return {};
  ++work_.meta.completed;
  if (left_over_ == 0) work_.meta.last_done_ns = services_.clock.wall_ns();
  SYNC_TRY(work_.base->begin(true));
  SYNC_TRY(work_.base->set_meta(work_.meta));
  return work_.base->commit();
}

void Cycle::emit_progress(const char* stage) {
  Event event;
  event.kind = EventKind::progress;
  event.progress = Progress{};
  event.progress->stage = stage;
  services_.emit(std::move(event));
}

}  // namespace twsync
