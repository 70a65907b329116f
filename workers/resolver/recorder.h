#pragma once
// Records what was achieved: results and agreements become base rows (DESIGN.md section 5, "What the base records").
// Nothing else writes rows.

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/core/planner.h"
#include "common/store/base_store.h"
#include "common/wire/apply_messages.h"
#include "workers/resolver/pending.h"

namespace twsync {

/// Works inside the caller's transaction on `base`; keeps `pending` in step with it. What it records or drops belongs
/// to `round`.
class Recorder {
 public:
  Recorder(BaseStore& base, PendingTree& pending, const Policy& policy, uint32_t round)
      : base_(base), pending_(pending), policy_(policy), round_(round) {}

  /// From now on: the base knows nothing of what is made or put for the first time, and isn't asked.
  void expect_news() { news_ = true; }
  /// An operation that succeeded: `result` says what now stands on its side (and what its source side sent).
  Status achieved(const Operation& op, const OpResult& result);
  /// After the last result of a batch: new links have moved the fingerprint of every name of their files.
  Status settle_names();
  Status agreed(const Agreement& agreement);
  /// The row of `path` goes without any operation; what stands there becomes first contact (a rejected deletion,
  /// AgreementKind::anew).
  Status forget(const std::string& path);

 private:
  Result<std::vector<BaseRow>> rows_of(const std::string& path);  ///< at and below it
  Status moved(const Agreement& agreement);
  Status gone(const std::string& path);
  Status achieved_rename(const Operation& op, const OpResult& result);
  Status achieved_link(const Operation& op, const OpResult& result);
  Status take_source_of_link(const Operation& op, const OpResult& result);
  Status refresh_name(Side side, const std::string& path, const Entry& now);
  Status move_row(const BaseRow& row, const Operation& op, const OpResult& result);
  Result<std::optional<BaseRow>> row_before(const Operation& op);
  /// Writes the row that follows from what both sides hold at `path` and drops what is no longer pending.
  Status settle(const std::string& path, const BaseRow* old, const AppliedEntry* applied = nullptr);
  /// The same of what an operation left on its side, and what its source was if it says so.
  Status settle_applied(const Operation& op, const OpResult& result, const BaseRow* old);
  Entry current(Side side, const std::string& path, const BaseRow* row) const;
  Status put(BaseRow& row);
  /// Nothing stands there any more; until the round is settled it is known what did.
  Status drop(const BaseRow& row);
  void keep_if_pending(Side side, const std::string& path, const BaseRow* row);

  BaseStore& base_;
  PendingTree& pending_;
  const Policy policy_;
  const uint32_t round_;
  bool news_ = false;
  struct NewLink {
    std::string from;
    Entry now;
  };
  std::map<std::pair<Side, uint64_t>, NewLink> new_links_;  // by inode
};

}  // namespace twsync
