#include "workers/resolver/pending.h"

#include <algorithm>

namespace twsync {

namespace {

// From here on one ordered pass over the base is cheaper than a look-up for each path.
constexpr size_t kMergeFrom = 2000;
constexpr size_t kPassedOver = 8;  // rows: more of them cost as much as looking for the next one that is wanted

bool in_scopes(std::string_view path, const std::vector<Scope>& scopes) {
  return scopes.empty() || std::any_of(scopes.begin(), scopes.end(), [&](const Scope& s) {
           return s.recursive ? is_at_or_below(path, s.path) : path == s.path;
         });
}

}  // namespace

void PendingTree::erase(Side s, std::string_view path) {
  auto& map = maps_[static_cast<size_t>(s)];
  if (const auto found = map.find(path); found != map.end()) map.erase(found);
}

const Entry* PendingTree::find(Side s, std::string_view path) const {
  const auto& map = side(s);
  const auto found = map.find(path);
  return found == map.end() ? nullptr : &found->second;
}

void PendingTree::clear(Side s, const std::vector<Scope>& scopes, const std::vector<Error>& keep) {
  auto& map = maps_[static_cast<size_t>(s)];
  for (const Scope& scope : scopes) {
    auto it = map.lower_bound(scope.path);
    while (it != map.end() && (scope.recursive ? is_at_or_below(it->first, scope.path) : it->first == scope.path)) {
      const bool kept =
          std::any_of(keep.begin(), keep.end(), [&](const Error& e) { return is_at_or_below(it->first, e.path); });
      it = kept ? std::next(it) : map.erase(it);
    }
  }
}

void PendingTree::move(Side s, std::string_view from, std::string_view to) {
  auto& map = maps_[static_cast<size_t>(s)];
  std::vector<std::pair<std::string, Entry>> moved;
  auto it = map.lower_bound(from);
  while (it != map.end() && is_at_or_below(it->first, from)) {
    moved.emplace_back(replace_prefix(it->first, from, to), std::move(it->second));
    it = map.erase(it);
  }
  for (auto& [path, entry] : moved) map.insert_or_assign(std::move(path), std::move(entry));
}

std::vector<PendingTree::Differing> PendingTree::differing(const std::vector<Scope>& scopes) const {
  std::vector<Differing> out;
  auto a = maps_[0].begin();
  auto b = maps_[1].begin();
  while (a != maps_[0].end() || b != maps_[1].end()) {
    const auto order = a == maps_[0].end()   ? std::strong_ordering::greater
                       : b == maps_[1].end() ? std::strong_ordering::less
                                             : compare_paths(a->first, b->first);
    const Differing next{order <= 0 ? &a->first : &b->first, order <= 0 ? &a->second : nullptr,
                         order >= 0 ? &b->second : nullptr};
    if (in_scopes(*next.path, scopes)) out.push_back(next);
    if (order <= 0) ++a;
    if (order >= 0) ++b;
  }
  return out;
}

Result<std::vector<PathState>> PendingTree::states(BaseStore& base, const std::vector<Scope>& scopes,
                                                   bool in_doubt) const {
  const auto wanted = differing(scopes);
  std::vector<PathState> out;
  out.reserve(wanted.size());
  const bool merge = wanted.size() >= kMergeFrom;
  std::unique_ptr<BaseStore::Cursor> cursor;
  BaseRow row;
  bool have_row = false;
  if (merge) {
    SYNC_ASSIGN(cursor, base.rows({"", true}));
    SYNC_ASSIGN(have_row, cursor->next(row));
  }
  for (const auto& [found_path, code, deploy] : wanted) {
    const std::string& path = *found_path;
    PathState state;
    state.path = path;
    if (merge) {
      for (size_t passed = 0; have_row && compare_paths(row.path, path) < 0; ++passed) {
        if (passed == kPassedOver) cursor->go_to(path);
        SYNC_ASSIGN(have_row, cursor->next(row));
      }
      if (have_row && row.path == path) state.base = row;
    } else {
      SYNC_ASSIGN(state.base, base.find(path));
    }
    if (in_doubt && !state.base) {
      SYNC_ASSIGN(state.dropped, base.find_dropped(path));
    }
    if (code != nullptr) state.code = *code;
    if (deploy != nullptr) state.deploy = *deploy;
    out.push_back(std::move(state));
  }
  return out;
}

}  // namespace twsync
