#pragma once
// What the reference planner works on: the base and both trees, whole, in the coordinates that hold after the renames
// accepted so far.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/support/tree_literals.h"

namespace twsync::testing {

constexpr Side kSides[] = {Side::code, Side::deploy};

struct ReferenceTrees {
  std::map<std::string, BaseRow, PathLess> base;
  ModelTree trees[2];
  Policy policy;
  std::map<std::string, Side> made;  ///< directories that a rename needs on this side
  std::set<std::string> renames;     ///< "side from > to"
  bool unseen = false;               ///< R48: an agreed move's rows meet rows that are not pending

  ModelTree& tree(Side s) { return trees[static_cast<size_t>(s)]; }
  const ModelTree& tree(Side s) const { return trees[static_cast<size_t>(s)]; }
  const ModelNode* at(Side s, const std::string& path) const {
    const auto found = tree(s).find(path);
    return found == tree(s).end() ? nullptr : &found->second;
  }
  bool is(Side s, const std::string& path, Kind kind) const { return at(s, path) && at(s, path)->kind == kind; }
  const BaseRow* row(const std::string& path) const {
    const auto found = base.find(path);
    return found == base.end() ? nullptr : &found->second;
  }
  Side preferred() const { return policy.conflicts == ConflictPolicy::deploy_server ? Side::deploy : Side::code; }

  Side later(const std::string& path) const;               ///< R24, R25: whose mtime is the later one
  Side later_or_preferred(const std::string& path) const;  ///< by the policy

  /// New, vanished, or with other content than the base says.
  bool changed(Side s, const std::string& path) const {
    const BaseRow* b = row(path);
    const ModelNode* now = at(s, path);
    if (b == nullptr || now == nullptr) return (b == nullptr) != (now == nullptr);
    if (b->agreed.kind != now->kind) return true;
    if (now->kind == Kind::symlink) return b->agreed.target != now->content;
    return now->kind == Kind::file && b->agreed.digest != digest_of(now->content);
  }
  template <class What>
  bool any_below(Side s, const std::string& path, What what) const {
    return std::any_of(tree(s).begin(), tree(s).end(),
                       [&](const auto& item) { return is_below(item.first, path) && what(item.first); });
  }
};

/// R40-R49: rewrites the trees and the base as if the renames had been carried out.
void follow_reference_renames(ReferenceTrees& trees);

/// Whose content stands at a path that both sides have.
struct ReferenceContent {
  std::optional<Side> taken;  ///< none: they had the same
  bool contested = false;
};

/// R50-R57: each field of the metadata by itself, into both ends.
void merge_reference_metadata(const ReferenceTrees& trees, ModelTree (&end)[2], const std::string& path,
                              const ReferenceContent& content);

}  // namespace twsync::testing
