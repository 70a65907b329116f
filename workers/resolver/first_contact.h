#pragma once
// A first contact of many entries, planned and carried out piece by piece, so that what planning needs for each entry
// (several times what is pending for it) is there for one piece only.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/core/planner.h"
#include "workers/resolver/pending.h"

namespace twsync {

/// Where the base knows nothing of what is pending, nothing was deleted or renamed, so a path's decision depends on
/// that path alone, but where the sides have different kinds of things (then there are no pieces) and for the names of
/// one file (the last piece), or in a unit (which no piece ends in). The pieces together are the plan of all. Lives as
/// long as one pass; `pending` may lose what was carried out.
class FirstContact {
 public:
  /// nullopt: it is none, or not worth it, or one plan must see all. Reads the base once, in order.
  static Result<std::optional<FirstContact>> of(const PendingTree& pending, BaseStore& base, size_t entries_a_piece,
                                                const Policy& policy);

  /// The next piece begins; false = there was none left.
  bool next();
  /// What is pending in this piece, as it is now, in order.
  std::vector<PathState> states() const;
  /// This piece is the one of files with several names.
  bool has_linked() const { return began_ && !first_; }
  /// Keeps back what only holds when a directory has got all its entries (the metadata of those that later pieces still
  /// add to), and numbers the rest anew. To be called with each piece's plan.
  void hold_back(Plan& plan);
  /// After the last piece: what was kept back.
  Plan held_back();

  /// Of all pieces, for people: what stands on one side alone.
  uint64_t operations() const { return operations_; }
  uint64_t content_bytes() const { return content_; }

 private:
  FirstContact(const PendingTree& pending, size_t entries_a_piece, const Policy& policy)
      : pending_(&pending), policy_(&policy), most_(entries_a_piece) {}
  Result<bool> survey(BaseStore& base);
  bool grows_later(const std::string& directory) const;

  const PendingTree* pending_;
  const Policy* policy_;
  size_t most_;
  uint64_t operations_ = 0;
  uint64_t content_ = 0;
  std::set<std::string, PathLess> linked_;        // paths of files that have several names on a side
  std::set<std::string, PathLess> linked_above_;  // and the directories directly above them
  std::optional<std::string> first_;              // of this piece; empty = the last piece, of what is linked
  std::optional<std::string> after_;              // the first path behind this piece; empty = none
  bool began_ = false;
  bool last_ = false;
  std::vector<Operation> held_;
};

}  // namespace twsync
