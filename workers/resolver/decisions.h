#pragma once
// The conflicts that a plan decides, in the base from before their operations go out: whatever ends the run, what was
// displaced has its record.

#include <map>
#include <string>
#include <vector>

#include "common/store/base_store.h"
#include "common/wire/apply_messages.h"
#include "workers/resolver/pair_work.h"

namespace twsync {

/// The record of `conflict` as it is planned now. Of an open one of its path it goes on with the id, decided or not.
Result<ConflictRecord> conflict_record(BaseStore& base, const Conflict& conflict, int64_t now_ns);

class Decisions {
 public:
  explicit Decisions(PairWork& work) : work_(work) {}
  /// Of one plan more.
  void add(const std::vector<Conflict>& conflicts);

  /// Before `batch` goes out: what it decides is on disk, as under way.
  Status announce(const Batch& batch, int64_t now_ns);
  /// Inside the caller's transaction: `result` carried the decision out, or not.
  Status settle(const Operation& op, const OpResult& result);
  /// The row in RULES.md by which a conflict at `path` is decided; empty = there is none.
  std::string rule(const std::string& path) const;
  /// What was carried out so far, by path.
  std::map<std::string, ConflictRecord>& decided() { return decided_; }

 private:
  PairWork& work_;
  std::map<std::string, Conflict> conflicts_;
  std::map<std::string, ConflictRecord> under_way_;
  std::map<std::string, ConflictRecord> decided_;
};

/// Decisions of runs that ended before their results came, as `plan` shows them: what both sides agree on was carried
/// out, what is a conflict again was not. Result: the former.
Result<std::vector<ConflictRecord>> settle_cut_decisions(PairWork& work, const Plan& plan);

}  // namespace twsync
