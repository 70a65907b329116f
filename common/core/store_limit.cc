#include "common/core/store_limit.h"

#include "common/base/text.h"
#include "common/core/path_set.h"

namespace twsync {

namespace {

bool displaces(const Operation& op) {
  switch (op.kind) {
    case OpKind::rename:
    case OpKind::set_metadata:
    case OpKind::remove_directory:
      return false;
    default:
      return op.expected.is_file() || op.expected.is_symlink();
  }
}

/// One side's share.
class Withholding {
 public:
  Withholding(Plan& plan, Side side) : plan_(plan), side_(side) {}

  bool drops(const Operation& op) {
    if (op.side != side_) return false;
    if (displaces(op)) {
      plan_.parked.push_back(
          {ParkedReason::versions_full, side_, op.path,
           str(op.kind == OpKind::remove ? "deletion" : "replacement", " of a ", to_string(op.expected.kind))});
      stays_.insert(op.path);
      if (op.kind == OpKind::make_directory) not_made_.insert(op.path);
      return true;
    }
    const bool homeless = any_at_or_above(not_made_, op.path);
    if (!homeless && !(needs_empty_directory(op) && any_below(stays_, op.path))) return false;
    stays_.insert(op.path);
    return true;
  }

  bool holds(const std::string& path) const { return any_at_or_above(not_made_, path) || stays_.contains(path); }

 private:
  Plan& plan_;
  Side side_;
  PathSet stays_;     ///< what isn't taken away, or waits for that
  PathSet not_made_;  ///< directories that would replace a file
};

}  // namespace

size_t withhold_displacing(Plan& plan, Side side) {
  const size_t before = plan.parked.size();
  Withholding withholding(plan, side);
  std::vector<bool> dropped(plan.operations.size());
  for (size_t i = 0; i < dropped.size(); ++i) dropped[i] = withholding.drops(plan.operations[i]);
  const size_t parked = plan.parked.size() - before;
  if (parked == 0) return 0;
  const PathSet with_group = drop_broken_groups(plan.operations, dropped);
  erase_dropped(plan.operations, dropped);
  std::erase_if(plan.conflicts,
                [&](const Conflict& c) { return withholding.holds(c.path) || with_group.contains(c.path); });
  return parked;
}

}  // namespace twsync
