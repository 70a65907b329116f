#include "common/core/coalesce.h"

#include <iterator>
#include <utility>

#include "common/base/max_path.h"

namespace twsync {

void HintSet::add(const Hint& hint) {
  if (!hint.is_move) return add(hint.side, hint.path, hint.recursive);
  // What moved may be a directory: both places are looked at with all that is below.
  add(hint.side, hint.moved_from, true);
  add(hint.side, hint.path, true);
}

void HintSet::add(Side side, std::string_view path, bool recursive) {
  path = within_max_path(path);
  auto& scopes = scopes_[static_cast<size_t>(side)];
  for (std::string_view above = path; !above.empty();) {
    above = parent_path(above);
    const auto it = scopes.find(above);
    if (it != scopes.end() && it->second) return;
  }
  const auto [it, fresh] = scopes.try_emplace(std::string(path), recursive);
  it->second = it->second || recursive;
  if (it->second) {
    auto below = std::next(it);
    while (below != scopes.end() && is_below(below->first, path)) below = scopes.erase(below);
  }
  if (scopes.size() > limit_) collapse(side);
}

void HintSet::collapse(Side side) {
  auto& scopes = scopes_[static_cast<size_t>(side)];
  std::string covering = scopes.begin()->first;
  const std::string last = scopes.rbegin()->first;
  // The paths are ordered, so what is above the first and the last is above all.
  while (!is_at_or_below(last, covering)) covering = std::string(parent_path(covering));
  scopes.clear();
  scopes.emplace(std::move(covering), true);
}

std::vector<Scope> HintSet::scopes(Side side) const {
  std::vector<Scope> out;
  const auto& scopes = scopes_[static_cast<size_t>(side)];
  out.reserve(scopes.size());
  for (const auto& [path, recursive] : scopes) out.push_back({path, recursive});
  return out;
}

void HintSet::merge(const HintSet& other) {
  for (const Side side : {Side::code, Side::deploy}) {
    for (const auto& [path, recursive] : other.scopes_[static_cast<size_t>(side)]) add(side, path, recursive);
  }
}

}  // namespace twsync
