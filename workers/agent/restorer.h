#pragma once
// Brings stored versions back into the tree, in batches, the same way as the other server's changes are applied.

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/rel_path.h"
#include "common/fs/applier.h"
#include "common/fs/local_side.h"
#include "common/fs/version_store.h"

namespace twsync {

/// One thread, for one request: what comes back has the time of its making. Everything is borrowed.
/// Each item is whole or not done at all, and durable on return; what stands in its way goes to the version store by
/// compare and swap, or stops it. The versions themselves stay where they are.
class Restorer {
 public:
  Restorer(const RootOptions& options, LocalSide& side, const StateDir& state, const VersionStore& store, Clock& clock);

  /// Failures of items are in the reply; an Error is one of everything.
  Result<RestoreTreeReply> restore(const RestoreTreeRequest& request);

 private:
  struct Wanted {
    std::string path;
    VersionRecord version;
  };
  Result<std::vector<Wanted>> look_up(const std::vector<RestoreItem>& items);
  Status directories(const std::vector<Wanted>& wanted, bool only_missing);
  Status contents(const std::vector<Wanted>& wanted, bool only_missing);
  Status finish(const std::vector<Wanted>& wanted);
  Status make_parents(const std::vector<Wanted>& wanted);
  Status make_directories(const std::map<std::string, const VersionRecord*, PathLess>& shall_stand, bool only_missing);
  Result<std::map<std::string, Entry>> present(const std::vector<std::string>& paths);
  Operation operation(OpKind kind, OpStage stage, const std::string& path, const Entry& expected) const;
  bool is_there_already(const Entry& entry, const VersionRecord& version) const;
  Status add_content(Batch& batch, Batch& source, const Wanted& wanted, const Entry& expected);
  Status apply(Batch batch, Batch source);
  void fail(const std::string& path, Error error);
  Batch new_batch(bool ordered);

  const RootOptions& options_;
  LocalSide& side_;
  const StateDir& state_;
  const VersionStore& store_;
  Clock& clock_;
  const int64_t now_ns_;
  uint64_t next_batch_ = 1;
  std::mutex mutex_;
  std::map<uint32_t, OpResult> results_;  // of the batch under way; guarded by mutex_
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Applier> applier_;  // reports into results_
  std::set<std::string> told_;        // paths that were asked for: others are silent when they succeed
  RestoreTreeReply reply_;
};

}  // namespace twsync
