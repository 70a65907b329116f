// From what is pending to the plan of a pass.

#include <malloc.h>

#include <algorithm>

#include "common/core/store_limit.h"
#include "workers/resolver/cycle.h"
#include "workers/resolver/decisions.h"
#include "workers/resolver/link_names.h"
#include "workers/resolver/unkept.h"

namespace twsync {

namespace {

constexpr int kDigestRounds = 3;
constexpr const char* kScanner = "scanner";
constexpr size_t kTrimFrom = 10'000;  // operations

bool is_removal(const Operation& op) {
  return op.kind == OpKind::remove || op.kind == OpKind::remove_directory;
}

/// Nothing that is synced stands on that side any more: every row of the base is gone, and nothing is new.
bool is_emptied(const PendingTree& pending, Side side, uint64_t base_entries) {
  const auto& entries = pending.side(side);
  if (base_entries == 0 || entries.size() < base_entries) return false;
  return std::none_of(entries.begin(), entries.end(),
                      [](const auto& item) { return item.second.exists() && item.second.kind != Kind::other; });
}

bool has_removals(const Plan& plan) {
  return std::any_of(plan.operations.begin(), plan.operations.end(), is_removal);
}

}  // namespace

Result<std::vector<PathState>> Cycle::states(const FirstContact* piece) {
  if (piece != nullptr) return piece->states();
  return work_.pending.states(*work_.base, only_, in_doubt());
}

Result<std::vector<PathState>> Cycle::states_with_digests(const FirstContact* piece) {
  policy_.code_scanned_ns = scanned_ns_[0];
  policy_.deploy_scanned_ns = scanned_ns_[1];
  for (int round = 0;; ++round) {
    if (policy_.preserve_hardlinks && (piece == nullptr || piece->has_linked())) {
      for (const Side side : {Side::code, Side::deploy}) share_digests(work_.pending, side);
    }
    SYNC_ASSIGN(auto states, this->states(piece));
    if (policy_.preserve_hardlinks) SYNC_TRY(add_other_names(*work_.base, work_.pending, states));
    DigestNeeds needs = digest_needs(states, policy_);
    if (policy_.preserve_hardlinks) {
      drop_other_names(work_.pending, Side::code, needs.code);
      drop_other_names(work_.pending, Side::deploy, needs.deploy);
    }
    if (needs.empty() || round == kDigestRounds) return states;
    if (piece == nullptr) emit_progress("comparing");
    ScanTask task;
    task.kind = ScanTaskKind::digest;
    task.pair_id = work_.meta.pair_id;
    task.epoch = work_.meta.epoch;
    task.code_paths = std::move(needs.code);
    task.deploy_paths = std::move(needs.deploy);
    const auto take = [&](std::string_view body) -> Status {
      SYNC_ASSIGN(ScanChunk chunk, decode<ScanChunk>(body));
      // A file that cannot be read keeps its unknown digest: it counts as different from everything.
      std::erase_if(chunk.entries, [](const PathEntry& e) { return !e.entry.is_file(); });
      take_chunk(std::move(chunk));
      return {};
    };
    auto read = services_.tasks.call(kScanner, work_.config.name, encode(task), take, services_.stop);
    if (!read) return std::move(read).error();
  }
}

void Cycle::leave_kept(Plan& plan) {
  if (order_.full) return;  // a whole rescan tries them again
  std::erase_if(plan.operations, [&](const Operation& op) {
    return op.kind == OpKind::remove_directory && work_.kept[static_cast<size_t>(op.side)].contains(op.path);
  });
}

Status Cycle::guard(Plan& plan) {
  if (!has_removals(plan)) return {};
  GuardInput input;
  input.limits = work_.config.delete_limits;
  SYNC_ASSIGN(input.base_entries, work_.base->count());
  input.now_ns = services_.clock.wall_ns();
  input.approved_code = order_.approved_code;
  input.approved_deploy = order_.approved_deploy;
  input.emptied_code = is_emptied(work_.pending, Side::code, input.base_entries);
  input.emptied_deploy = is_emptied(work_.pending, Side::deploy, input.base_entries);
  if (!order_.decided.empty()) input.resolved = order_.decided;
  SYNC_ASSIGN(const auto parked, work_.base->parked());
  for (const auto& item : parked) {
    if (item.reason != ParkedReason::mass_deletion) continue;
    (item.side == Side::code ? input.tripped_code : input.tripped_deploy) = true;
  }
  apply_guard(plan, work_.deletions, input);
  return {};
}

Result<Plan> Cycle::decide(const FirstContact* piece) {
  SYNC_ASSIGN(const auto states, states_with_digests(piece));
  policy_.code_now_ns = services_.clock.wall_ns();
  policy_.deploy_now_ns = policy_.code_now_ns + policy_.skew_ns;
  policy_.unreadable.clear();
  for (const Side side : {Side::code, Side::deploy}) {
    for (const auto& path : work_.unreadable[static_cast<size_t>(side)]) policy_.unreadable.emplace_back(side, path);
  }
  return make_plan(states, policy_);
}

Result<Plan> Cycle::make(const FirstContact* piece) {
  if (piece == nullptr) emit_progress("planning");
  SYNC_ASSIGN(Plan plan, decide(piece));
  // The scans and the planner's table were several times what is left: give it back before the transfer needs memory.
  if (plan.operations.size() > kTrimFrom) malloc_trim(0);
  for (const auto& path : ignored_rows_) plan.agreements.push_back({AgreementKind::gone, path, {}});
  leave_kept(plan);
  SYNC_TRY(guard(plan));
  for (const Side side : {Side::code, Side::deploy}) {
    if (work_.stores.facts[static_cast<size_t>(side)].precious_over_limit) withhold_displacing(plan, side);
  }
  filter_direction(plan, order_.direction);
  return plan;
}

Status Cycle::wait_for_moves(Plan& plan) {
  // A deletion may be half of a move whose other half is still on its way: everything queued before is looked at first.
  for (int n = 0; n < 2 && order_.more_hints && has_removals(plan); ++n) {
    const auto more = order_.more_hints();
    HintSet hints;
    for (const auto& hint : more) hints.add(hint);
    if (hints.empty()) return {};
    SYNC_TRY(scan(hints));
    SYNC_ASSIGN(plan, make());
  }
  return {};
}

/// I9: an operation that is visible may have failed in the flush of its directory. Both sides look the same then, but
/// nothing says that this is on disk: it is put there anew, by other descriptors, before it is recorded.
Status Cycle::flush_what_failed(const Plan& plan) {
  SYNC_ASSIGN(const auto parked, work_.base->parked());
  std::set<std::string> failed;
  for (const auto& item : parked) {
    if (item.reason == ParkedReason::failed) failed.insert(item.paths.begin(), item.paths.end());
  }
  const bool any = std::any_of(plan.agreements.begin(), plan.agreements.end(), [&](const Agreement& agreement) {
    return failed.contains(agreement.path) || failed.contains(agreement.from);
  });
  return any ? flush_both(work_, services_) : Status{};
}

Status Cycle::agree(const Plan& plan) {
  SYNC_ASSIGN(const auto cut, settle_cut_decisions(work_, plan));
  for (const auto& conflict : cut) tell(conflict);
  summary_.conflicts += cut.size();
  if (plan.agreements.empty()) return {};
  SYNC_TRY(flush_what_failed(plan));
  Recorder recorder(*work_.base, work_.pending, policy_, work_.meta.round);
  SYNC_TRY(work_.base->begin(false));
  for (const auto& agreement : plan.agreements) {
    SYNC_TRY(recorder.agreed(agreement));
    SYNC_TRY(settle_unkept(work_, agreement.path));
    if (agreement.kind == AgreementKind::moved) SYNC_TRY(settle_unkept(work_, agreement.from));
  }
  SYNC_TRY(work_.base->commit());
  ignored_rows_.clear();
  recorded_ = true;
  return {};
}

void Cycle::announce(const Plan& plan) {
  summary_.operations += plan.operations.size();
  for (const auto& op : plan.operations) {
    Event event;
    event.kind = EventKind::operation;
    event.path = op.path;
    event.operation = op;
    services_.emit(std::move(event));
  }
}

}  // namespace twsync
