#pragma once
// The mass-deletion guard (I6). Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/model/plan.h"
#include "common/model/policy.h"

namespace twsync {

/// Deletions that were applied and that nobody had approved, per side, in the sliding window; kept by the resolver
/// across cycles and, in base.db, across runs.
class DeletionWindow {
 public:
  static constexpr int64_t kWindowNs = 600'000'000'000;
  void add(Side side, uint64_t count, int64_t now_ns);
  uint64_t count(Side side, int64_t now_ns) const;

  struct Item {
    Side side;
    int64_t at_ns;
    uint64_t count;
  };
  const std::vector<Item>& items() const { return items_; }
  void restore(std::vector<Item> items) { items_ = std::move(items); }

 private:
  std::vector<Item> items_;
};

/// A deletion that a person approved, and of what: a number for the entry that was shown (entry_version()); 0 = not
/// known.
struct ApprovedDeletion {
  std::string path;
  uint64_t version = 0;
};

/// What `e` is, for as long as nobody touches it; never 0. Directories: only that it is one, as its entries are deleted
/// by operations of their own.
uint64_t entry_version(const Entry& e);

struct GuardInput {
  DeleteLimits limits;
  uint64_t base_entries = 0;
  int64_t now_ns = 0;
  bool tripped_code = false;  ///< a parked set is undecided: all further deletions of that side join it
  bool tripped_deploy = false;
  bool emptied_code = false;  ///< the base isn't empty, but nothing of it or new stands on that side any more (R85)
  bool emptied_deploy = false;
  std::optional<std::string> resolved;          ///< a person decided the conflict there, and so all that is below it
  std::vector<ApprovedDeletion> approved_code;  ///< by a person, on that side; sorted by compare_paths
  std::vector<ApprovedDeletion> approved_deploy;
};

struct GuardVerdict {
  bool tripped_code = false;
  bool tripped_deploy = false;
  uint64_t parked = 0;  ///< operations taken out of the plan and parked
};

/// Moves deletions that trip the guard from plan.operations to plan.parked (reason mass_deletion), per side.
/// Renames do not count. Approved deletions stay and get cause approved_deletion; what
/// changed since it was shown was not approved. What depends on a parked
/// deletion (the removal of its parent directory, a put onto that directory) is taken out as well, silently pending.
GuardVerdict apply_guard(Plan& plan, const DeletionWindow& window, const GuardInput& input);

}  // namespace twsync
