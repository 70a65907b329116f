// A direction filters the two-way plan, it never creates (R70-R72).

#include <algorithm>

#include "common/core/path_set.h"
#include "common/core/planner.h"

namespace twsync {

namespace {

/// Drops the forbidden side's operations, those of the other side that were planned in the coordinates of a rename that
/// doesn't happen (their source isn't there), and those that need a directory empty which therefore isn't.
class DirectionFilter {
 public:
  explicit DirectionFilter(Side forbidden) : forbidden_(forbidden) {}

  bool drops(const Operation& op) {
    if (op.side == forbidden_) {
      if (op.kind == OpKind::rename) absent_.insert(op.path);
      return true;
    }
    const bool is_rename = op.kind == OpKind::rename;
    const bool has_from = is_rename || op.kind == OpKind::link;
    const bool displaced = any_at_or_above(absent_, op.path) || (has_from && any_at_or_above(absent_, op.from));
    if (!displaced && !(needs_empty_directory(op) && any_below(stays_, op.path))) return false;
    if (is_rename) absent_.insert(op.path);
    stays_.insert(is_rename ? op.from : op.path);
    return true;
  }

  bool drops(const Conflict& conflict) const {
    if (conflict.winner == ConflictWinner::none) return false;
    const Side shows_on = conflict.winner == ConflictWinner::code ? Side::deploy : Side::code;
    return shows_on == forbidden_ || any_at_or_above(absent_, conflict.path) || stays_.contains(conflict.path);
  }

 private:
  Side forbidden_;
  PathSet absent_;  ///< where a dropped rename would have led
  PathSet stays_;   ///< what therefore isn't taken away on the other side
};

}  // namespace

size_t filter_direction(Plan& plan, Direction direction) {
  if (direction == Direction::both) return 0;
  const Side forbidden = untouched_side(direction);
  DirectionFilter filter(forbidden);
  const size_t all = plan.operations.size();
  std::vector<bool> dropped(all);
  for (size_t i = 0; i < all; ++i) dropped[i] = filter.drops(plan.operations[i]);
  const PathSet with_group = drop_broken_groups(plan.operations, dropped);
  erase_dropped(plan.operations, dropped);
  const size_t pending = all - plan.operations.size();
  // Whatever the guard and the version store's limit hold back there would have been dropped here.
  std::erase_if(plan.parked, [&](const ParkedItem& item) {
    const bool held_back = item.reason == ParkedReason::mass_deletion || item.reason == ParkedReason::versions_full;
    return held_back && item.side == forbidden;
  });
  std::erase_if(plan.conflicts, [&](const Conflict& c) { return filter.drops(c) || with_group.contains(c.path); });
  return pending;
}

}  // namespace twsync
