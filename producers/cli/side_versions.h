#pragma once
// The version store of one side of a pair, for the length of a command: one session, many questions.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/wire/agent_messages.h"
#include "producers/cli/context.h"
#include "workers/agent/remote_side.h"

namespace twsync {

/// One thread. Without the lock: looking changes nothing, and a restore is an edit like any person's. After an error of
/// the other server only destruction may follow.
class SideVersions {
 public:
  using StoredFile = RemoteSide::StoredFile;
  using PieceSink = RemoteSide::PieceSink;
  virtual ~SideVersions() = default;

  virtual Result<VersionsReply> page(const VersionsRequest& request) = 0;
  virtual Result<RestoreTreeReply> restore_tree(const RestoreTreeRequest& request) = 0;
  /// As RemoteSide::read_versions.
  virtual Status read(const std::vector<StoredFile>& files, const PieceSink& sink) = 0;

  /// Everything kept at and below `path`, newest first, a page at a time.
  Status for_each(const std::string& path, const std::function<Status(VersionInfo&&)>& use);
};

/// nullptr when the pair was never synced here, or nothing is kept on that side.
Result<std::unique_ptr<SideVersions>> open_versions(const CliContext& context, const PairConfig& pair, Side side);

}  // namespace twsync
