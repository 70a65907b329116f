#pragma once
// Coalescing of hints into scopes to scan. Pure.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/base/rel_path.h"
#include "common/model/hint.h"

namespace twsync {

/// Hints of one pair, coalesced per side: a recursive parent swallows everything below it; a hint twice is one; both
/// halves of a moved pair are always taken together. Beyond `limit` scopes on a side, everything there collapses
/// to a recursive hint on the deepest directory that covers all. What is too long to be synced (max_path.h) stands for
/// the directory above it. Not thread-safe.
class HintSet {
 public:
  explicit HintSet(size_t limit = 10'000) : limit_(limit) {}
  void add(const Hint& hint);
  void add(Side side, std::string_view path, bool recursive);
  bool empty() const { return scopes_[0].empty() && scopes_[1].empty(); }
  size_t size() const { return scopes_[0].size() + scopes_[1].size(); }
  /// Ordered by compare_paths; disjoint: no scope lies below a recursive one.
  std::vector<Scope> scopes(Side side) const;
  void merge(const HintSet& other);

 private:
  void collapse(Side side);
  std::map<std::string, bool, PathLess> scopes_[2];
  size_t limit_;
};

}  // namespace twsync
