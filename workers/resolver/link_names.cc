#include "workers/resolver/link_names.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <utility>

namespace twsync {

namespace {

bool has_names(const Entry& entry) {
  return entry.is_file() && entry.links > 1;
}

bool had_names(const BaseRow& row, Side side) {
  return row.agreed.is_file() && row.side(side).links > 1;
}

bool in_scopes(const std::string& path, const std::vector<Scope>& scopes) {
  // Ordered and disjoint: only the last one that begins before `path` can hold it.
  const auto after = std::upper_bound(scopes.begin(), scopes.end(), path, [](const std::string& p, const Scope& s) {
    return compare_paths(p, s.path) < 0;
  });
  if (after == scopes.begin()) return false;
  const Scope& scope = *std::prev(after);
  return scope.path == path || (scope.recursive && is_at_or_below(path, scope.path));
}

Result<std::set<uint64_t>> inodes_in(BaseStore& base, const PendingTree& pending, Side side, const Scope& scope) {
  std::set<uint64_t> inodes;
  const auto& entries = pending.side(side);
  for (auto it = entries.lower_bound(scope.path); it != entries.end(); ++it) {
    if (scope.recursive ? !is_at_or_below(it->first, scope.path) : it->first != scope.path) break;
    if (has_names(it->second)) inodes.insert(it->second.stamp.inode);
    SYNC_ASSIGN(const auto row, base.find(it->first));
    if (row && had_names(*row, side)) inodes.insert(row->side(side).stamp.inode);
  }
  return inodes;
}

/// Follows the inodes of both sides from the states that are there to all rows that share one.
class NameSearch {
 public:
  NameSearch(BaseStore& base, const PendingTree& pending, std::vector<PathState>& states)
      : base_(base), pending_(pending), states_(states) {}

  Status run() {
    for (const PathState& state : states_) SYNC_TRY(visit(state));
    while (!fresh_.empty()) {
      const PathState state = std::move(fresh_.back());
      fresh_.pop_back();
      SYNC_TRY(visit(state));
      found_.insert_or_assign(state.path, state);
    }
    if (found_.empty()) return {};
    const auto middle = static_cast<std::ptrdiff_t>(states_.size());
    for (auto& [path, state] : found_) states_.push_back(std::move(state));
    std::inplace_merge(states_.begin(), states_.begin() + middle, states_.end(),
                       [](const PathState& a, const PathState& b) { return compare_paths(a.path, b.path) < 0; });
    return {};
  }

 private:
  Status visit(const PathState& state) {
    for (const Side side : {Side::code, Side::deploy}) {
      const auto& entry = state.side(side);
      if (entry && has_names(*entry)) SYNC_TRY(follow(side, entry->stamp.inode));
      if (state.base && had_names(*state.base, side)) SYNC_TRY(follow(side, state.base->side(side).stamp.inode));
    }
    return {};
  }

  Status follow(Side side, uint64_t inode) {
    if (!seen_.emplace(side, inode).second) return {};
    SYNC_ASSIGN(const auto names, base_.paths_of_inode(side, inode));
    for (const std::string& name : names) SYNC_TRY(add(name));
    return {};
  }

  Status add(const std::string& path) {
    const auto place =
        std::lower_bound(states_.begin(), states_.end(), path,
                         [](const PathState& state, const std::string& p) { return compare_paths(state.path, p) < 0; });
    if ((place != states_.end() && place->path == path) || !known_.insert(path).second) return {};
    PathState state;
    state.path = path;
    SYNC_ASSIGN(state.base, base_.find(path));
    if (const Entry* code = pending_.find(Side::code, path)) state.code = *code;
    if (const Entry* deploy = pending_.find(Side::deploy, path)) state.deploy = *deploy;
    fresh_.push_back(std::move(state));
    return {};
  }

  BaseStore& base_;
  const PendingTree& pending_;
  std::vector<PathState>& states_;
  std::set<std::pair<Side, uint64_t>> seen_;
  std::set<std::string> known_;
  std::vector<PathState> fresh_;
  std::map<std::string, PathState, PathLess> found_;
};

}  // namespace

Result<std::vector<std::string>> other_names(BaseStore& base, const PendingTree& pending, Side side,
                                             const std::vector<Scope>& scopes) {
  std::set<uint64_t> inodes;
  for (const Scope& scope : scopes) {
    if (scope.recursive && scope.path.empty()) return std::vector<std::string>{};
    SYNC_ASSIGN(auto here, inodes_in(base, pending, side, scope));
    inodes.merge(here);
  }
  std::set<std::string> names;
  for (const uint64_t inode : inodes) {
    SYNC_ASSIGN(const auto known, base.paths_of_inode(side, inode));
    names.insert(known.begin(), known.end());
  }
  if (!inodes.empty()) {
    for (const auto& [path, entry] : pending.side(side)) {
      if (has_names(entry) && inodes.contains(entry.stamp.inode)) names.insert(path);
    }
  }
  std::erase_if(names, [&](const std::string& name) { return in_scopes(name, scopes); });
  return std::vector<std::string>(names.begin(), names.end());
}

Status add_other_names(BaseStore& base, const PendingTree& pending, std::vector<PathState>& states) {
  const bool any = std::any_of(states.begin(), states.end(), [](const PathState& state) {
    const bool now = (state.code && has_names(*state.code)) || (state.deploy && has_names(*state.deploy));
    return now || (state.base && (had_names(*state.base, Side::code) || had_names(*state.base, Side::deploy)));
  });
  if (!any || base.empty()) return {};
  return NameSearch(base, pending, states).run();
}

void drop_other_names(const PendingTree& pending, Side side, std::vector<std::string>& paths) {
  std::set<std::pair<uint64_t, int64_t>> seen;
  std::erase_if(paths, [&](const std::string& path) {
    const Entry* entry = pending.find(side, path);
    return entry != nullptr && has_names(*entry) && !seen.emplace(entry->stamp.inode, entry->stamp.ctime_ns).second;
  });
}

void share_digests(PendingTree& pending, Side side) {
  std::unordered_map<uint64_t, const Entry*> known;
  for (const auto& [path, entry] : pending.side(side)) {
    if (has_names(entry) && entry.digest.known()) known.emplace(entry.stamp.inode, &entry);
  }
  if (known.empty()) return;
  std::vector<std::pair<std::string, Entry>> shared;
  for (const auto& [path, entry] : pending.side(side)) {
    if (!has_names(entry) || entry.digest.known()) continue;
    const auto found = known.find(entry.stamp.inode);
    if (found == known.end() || found->second->stamp != entry.stamp) continue;
    shared.emplace_back(path, entry);
    shared.back().second.digest = found->second->digest;
  }
  for (auto& [path, entry] : shared) pending.set(side, std::move(path), std::move(entry));
}

}  // namespace twsync
