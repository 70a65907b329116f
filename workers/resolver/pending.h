#pragma once
// Pending: for each side, the entries known to differ from the base. A side's tree = base + its pending.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/rel_path.h"
#include "common/core/planner.h"
#include "common/model/hint.h"
#include "common/store/base_store.h"

namespace twsync {

/// Not thread-safe; lives in the resolver's memory and is found again by a full scan after a restart.
class PendingTree {
 public:
  using Map = std::map<std::string, Entry, PathLess>;

  const Map& side(Side s) const { return maps_[static_cast<size_t>(s)]; }
  void set(Side s, std::string path, Entry entry) {
    auto& map = maps_[static_cast<size_t>(s)];
    map.insert_or_assign(map.end(), std::move(path), std::move(entry));  // a scan's come in order
  }
  void erase(Side s, std::string_view path);
  const Entry* find(Side s, std::string_view path) const;
  /// Forgets what is pending in the scopes, except at and below `keep` (what a scan could not read).
  void clear(Side s, const std::vector<Scope>& scopes, const std::vector<Error>& keep);
  /// Moves everything at or below `from` to `to` (a rename was carried out on that side).
  void move(Side s, std::string_view from, std::string_view to);
  size_t size() const { return maps_[0].size() + maps_[1].size(); }
  bool empty() const { return size() == 0; }

  /// Every pending path within `scopes` (empty = all) with its base row, in order: the planner's input. `in_doubt`:
  /// with the row that was dropped there lately, where there is none.
  Result<std::vector<PathState>> states(BaseStore& base, const std::vector<Scope>& scopes, bool in_doubt) const;

 private:
  struct Differing {
    const std::string* path;
    const Entry* code;  ///< or none
    const Entry* deploy;
  };
  std::vector<Differing> differing(const std::vector<Scope>& scopes) const;
  Map maps_[2];
};

}  // namespace twsync
