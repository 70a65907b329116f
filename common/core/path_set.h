#pragma once
// What operations that are taken out of a plan leave in place, and which others need it gone.

#include <set>
#include <string>
#include <string_view>
#include <vector>

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
  const bool replaces = op.kind == OpKind::put_file || op.kind == OpKind::put_symlink || op.kind == OpKind::link;
  return op.kind == OpKind::remove_directory || (replaces && op.expected.is_directory());
}

/// Marks in `dropped` (by position) every operation whose group lost one: a group goes together or not at all; and what
/// needs a directory empty that therefore isn't. Returns the paths of those that it marked.
inline PathSet drop_broken_groups(const std::vector<Operation>& operations, std::vector<bool>& dropped) {
  PathSet marked;
  PathSet stays[2];  // by side
  std::set<uint32_t> broken;
  for (size_t i = 0; i < operations.size(); ++i) {
    if (dropped[i] && operations[i].group != 0) broken.insert(operations[i].group);
  }
  for (bool more = !broken.empty(); more;) {
    more = false;
    for (size_t i = 0; i < operations.size(); ++i) {
      const Operation& op = operations[i];
      PathSet& here = stays[static_cast<size_t>(op.side)];
      if (dropped[i] || !(broken.contains(op.group) || (needs_empty_directory(op) && any_below(here, op.path))))
        continue;
      dropped[i] = more = true;
      marked.insert(op.path);
      here.insert(op.path);
      if (op.group != 0) broken.insert(op.group);
    }
  }
  return marked;
}

/// Takes the dropped operations out and numbers the others anew.
inline void erase_dropped(std::vector<Operation>& operations, const std::vector<bool>& dropped) {
  size_t kept = 0;
  for (size_t i = 0; i < operations.size(); ++i) {
    if (dropped[i]) continue;
    if (kept != i) operations[kept] = std::move(operations[i]);
    operations[kept].id = static_cast<uint32_t>(kept);
    ++kept;
  }
  operations.resize(kept);
}

}  // namespace twsync
