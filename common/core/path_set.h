#pragma once
// What operations that are taken out of a plan leave in place, and which others need it gone.

#include <set>
#include <string>
#include <string_view>

#include "common/base/rel_path.h"
#include "common/model/plan.h"

namespace twsync {

using PathSet = std::set<std::string, PathLess>;

inline bool any_below(const PathSet& paths, std::string_view directory) {
  const auto next = paths.upper_bound(directory);
  return next != paths.end() && is_below(*next, directory);
}

/// True if `path` or a directory above it is in `paths`.
inline bool any_at_or_above(const PathSet& paths, std::string_view path) {
  if (paths.empty()) return false;
  for (;; path = parent_path(path)) {
    if (paths.find(path) != paths.end()) return true;
    if (path.empty()) return false;
  }
}

/// Removes or replaces a directory, which must be empty by then.
inline bool needs_empty_directory(const Operation& op) {
  const bool replaces = op.kind == OpKind::put_file || op.kind == OpKind::put_symlink;
  return op.kind == OpKind::remove_directory || (replaces && op.expected.is_directory());
}

}  // namespace twsync
