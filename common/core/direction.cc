// A direction filters the two-way plan, it never creates (R70-R72).

#include <algorithm>
#include <set>
#include <string>

#include "common/base/rel_path.h"
#include "common/core/planner.h"

namespace twsync {

namespace {

using Paths = std::set<std::string, std::less<>>;

bool covers(const Paths& paths, std::string_view path) {
  if (paths.empty()) return false;
  for (;; path = parent_path(path)) {
    if (paths.find(path) != paths.end()) return true;
    if (path.empty()) return false;
  }
}

/// Drops the forbidden side's operations, and those of the other side that were planned in the coordinates of a rename
/// that doesn't happen: their source isn't there.
class DirectionFilter {
 public:
  explicit DirectionFilter(Side forbidden) : forbidden_(forbidden) {}

  bool drops(const Operation& op) {
    const bool dropped = op.side == forbidden_ || covers(absent_, op.path) || covers(absent_, op.from);
    if (dropped && op.kind == OpKind::rename) absent_.insert(op.path);
    return dropped;
  }

  bool drops(const Conflict& conflict) const {
    if (conflict.winner == ConflictWinner::none) return false;
    const Side shows_on = conflict.winner == ConflictWinner::code ? Side::deploy : Side::code;
    return shows_on == forbidden_ || covers(absent_, conflict.path);
  }

 private:
  Side forbidden_;
  Paths absent_;
};

}  // namespace

size_t filter_direction(Plan& plan, Direction direction) {
  if (direction == Direction::both) return 0;
  DirectionFilter filter(direction == Direction::to_deploy ? Side::code : Side::deploy);
  std::vector<Operation> kept;
  kept.reserve(plan.operations.size());
  for (Operation& op : plan.operations) {
    if (!filter.drops(op)) kept.push_back(std::move(op));
  }
  const size_t pending = plan.operations.size() - kept.size();
  plan.operations = std::move(kept);
  for (size_t i = 0; i < plan.operations.size(); ++i) plan.operations[i].id = static_cast<uint32_t>(i);
  std::erase_if(plan.conflicts, [&](const Conflict& c) { return filter.drops(c); });
  return pending;
}

}  // namespace twsync
