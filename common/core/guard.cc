#include "common/core/guard.h"

#include <algorithm>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/core/path_set.h"

namespace twsync {

void DeletionWindow::add(Side side, uint64_t count, int64_t now_ns) {
  if (count == 0) return;
  std::erase_if(items_, [now_ns](const Item& item) { return item.at_ns + kWindowNs <= now_ns; });
  constexpr int64_t kTogetherNs = 1'000'000'000;  // keeps the list at most 1,200 items long
  for (Item& item : items_) {
    if (item.side == side && item.at_ns <= now_ns && now_ns - item.at_ns < kTogetherNs) {
      item.count += count;
      return;
    }
  }
  items_.push_back({side, now_ns, count});
}

uint64_t DeletionWindow::count(Side side, int64_t now_ns) const {
  uint64_t sum = 0;
  for (const Item& item : items_) {
    if (item.side == side && item.at_ns + kWindowNs > now_ns) sum += item.count;
  }
  return sum;
}

namespace {

// What came back after an unclean stop had been deleted, and counted, before.
bool is_deletion(const Operation& op) {
  const bool removes = op.kind == OpKind::remove || op.kind == OpKind::remove_directory;
  return removes && op.cause != LoserCause::suspect;
}

/// A share of everything is the guard at its widest: without a limit to the count that is none at all.
bool is_off(const DeleteLimits& limits) {
  return limits.count == 0 && (limits.percent == 0 || limits.percent >= 100);
}

bool exceeds(const DeleteLimits& limits, uint64_t deletions, uint64_t base_entries) {
  if (limits.count != 0 && deletions > limits.count) return true;
  if (limits.percent == 0 || deletions < limits.floor) return false;
  return static_cast<unsigned __int128>(deletions) * 100 >
         static_cast<unsigned __int128>(base_entries) * limits.percent;
}

/// One side's share of the guard.
class SideGuard {
 public:
  SideGuard(Side side, const GuardInput& input)
      : side_(side),
        approved_(side == Side::code ? input.approved_code : input.approved_deploy),
        resolved_(input.resolved) {}

  bool approved(const Operation& op) const {
    const auto found = std::lower_bound(
        approved_.begin(), approved_.end(), op.path,
        [](const ApprovedDeletion& one, const std::string& path) { return compare_paths(one.path, path) < 0; });
    if (found == approved_.end() || found->path != op.path) return false;
    if (found->version != 0) return found->version == entry_version(op.expected);
    // Recorded by a release that didn't know what it had shown: at least no edit may go with it.
    return op.cause != LoserCause::edit_deleted && op.cause != LoserCause::conflict;
  }

  bool trips(const Plan& plan, const DeletionWindow& window, const GuardInput& input) const {
    uint64_t deletions = 0;
    for (const Operation& op : plan.operations) {
      if (op.side == side_ && is_deletion(op) && !approved(op) && !is_resolved(op)) ++deletions;
    }
    const bool undecided = side_ == Side::code ? input.tripped_code : input.tripped_deploy;
    if (deletions == 0) return undecided;
    const bool emptied = side_ == Side::code ? input.emptied_deploy : input.emptied_code;
    if (emptied && !is_off(input.limits)) return true;
    // What was deleted in the window is gone from the base, but it was part of what the percentage is meant of.
    const uint64_t before = window.count(side_, input.now_ns);
    return undecided || exceeds(input.limits, deletions + before, input.base_entries + before);
  }

  uint64_t park(Plan& plan) {
    for (Operation& op : plan.operations) {
      if (op.side != side_ || !is_deletion(op) || approved(op) || is_resolved(op)) continue;
      plan.parked.push_back({ParkedReason::mass_deletion, side_, op.path,
                             str("deletion of a ", to_string(op.expected.kind)), entry_version(op.expected)});
      parked_.insert(op.path);
    }
    std::vector<bool> dropped(plan.operations.size());
    for (size_t i = 0; i < dropped.size(); ++i) {
      dropped[i] = plan.operations[i].side == side_ && taken_out(plan.operations[i]);
    }
    waiting_.merge(drop_broken_groups(plan.operations, dropped));
    erase_dropped(plan.operations, dropped);
    std::erase_if(plan.conflicts,
                  [&](const Conflict& c) { return parked_.contains(c.path) || waiting_.contains(c.path); });
    return parked_.size();
  }

  void mark_approved(Plan& plan) const {
    for (Operation& op : plan.operations) {
      if (op.side != side_ || !is_deletion(op)) continue;
      const bool by_decision = is_resolved(op) && op.cause == LoserCause::ordinary;
      if (by_decision || approved(op)) op.cause = LoserCause::approved_deletion;
    }
  }

 private:
  bool is_resolved(const Operation& op) const { return resolved_ && is_at_or_below(op.path, *resolved_); }
  /// Parked itself, or it needs a directory empty that now stays.
  bool taken_out(const Operation& op) {
    if (parked_.contains(op.path) && is_deletion(op)) return true;
    if (!needs_empty_directory(op) || !any_below(parked_, op.path)) return false;
    waiting_.insert(op.path);
    return true;
  }

  Side side_;
  const std::vector<ApprovedDeletion>& approved_;
  const std::optional<std::string>& resolved_;
  PathSet parked_;
  PathSet waiting_;
};

}  // namespace

uint64_t entry_version(const Entry& e) {
  if (e.is_directory()) return 1;
  const uint64_t hash = stable_hash64(str(static_cast<int>(e.kind), '\0', e.size, '\0', e.mtime_ns, '\0', e.stamp.inode,
                                          '\0', e.stamp.ctime_ns, '\0', e.target));
  return hash == 0 ? 1 : hash;
}

GuardVerdict apply_guard(Plan& plan, const DeletionWindow& window, const GuardInput& input) {
  SideGuard code(Side::code, input);
  SideGuard deploy(Side::deploy, input);
  GuardVerdict verdict;
  verdict.tripped_code = code.trips(plan, window, input);
  verdict.tripped_deploy = deploy.trips(plan, window, input);
  code.mark_approved(plan);
  deploy.mark_approved(plan);
  if (verdict.tripped_code) verdict.parked += code.park(plan);
  if (verdict.tripped_deploy) verdict.parked += deploy.park(plan);
  return verdict;
}

}  // namespace twsync
