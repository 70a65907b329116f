#pragma once
// What a root's version store keeps, and bringing it back. Serves the agent's control role and the code side alike.

#include <memory>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/fs/local_side.h"
#include "common/fs/version_store.h"

namespace twsync {

/// One thread.
class History {
 public:
  /// `side` (the same root; the lock is not needed) and `clock` must outlive it. `options.pair_id` names the state
  /// directory.
  static Result<std::unique_ptr<History>> open(const RootOptions& options, LocalSide& side, Clock& clock);

  /// At and below request.path, newest first.
  Result<VersionsReply> versions(const VersionsRequest& request) const;

  /// Copies the version to request.path as a new edit, with the time of now: the same way as a batch is applied, so
  /// whole or not at all, durable on return, what stood there in the version store. Missing directories above are
  /// made. The version itself stays where it is. stale: somebody changed the path meanwhile.
  Result<RestoreReply> restore(const RestoreRequest& request);

  /// One step of a whole tree's coming back (agent_messages.h); many items in few batches.
  Result<RestoreTreeReply> restore_tree(const RestoreTreeRequest& request);

  /// A piece of a stored file.
  Result<std::string> read(const ReadVersionRequest& request) const;

 private:
  History(const RootOptions& options, LocalSide& side, Clock& clock, StateDir state)
      : options_(options), side_(side), clock_(clock), state_(std::move(state)) {}

  RootOptions options_;
  LocalSide& side_;
  Clock& clock_;
  StateDir state_;
  std::unique_ptr<VersionStore> store_;
};

}  // namespace twsync
