#pragma once
// A pair as configured or given ad hoc: everything that a worker needs to know about it. Values only.

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/policy.h"
#include "common/model/watch_source.h"

namespace twsync {

/// Where the deploy side is.
struct DeployTarget {
  bool local = false;  ///< a local directory: the agent is a child process
  std::string user;    ///< empty = the current user
  std::string host;
  uint16_t port = 22;
  std::string path;  ///< absolute (or relative to the remote home as given)
};

struct PairConfig {
  std::string name;
  std::string code_path;
  DeployTarget deploy;
  std::string state_dir;    ///< this pair's own: base.db lies here (0700)
  std::string ssh_key;      ///< private key file; empty = the agent and default keys
  std::string known_hosts;  ///< own known_hosts file
  ConflictPolicy policy = ConflictPolicy::newer;
  std::vector<std::string> exclude;       ///< EXCLUDE, after the built-in version-control patterns
  std::vector<std::string> together;      ///< TOGETHER: Policy::units
  std::vector<std::string> code_never;    ///< never synced, relative to the code root (installation's own files)
  std::vector<std::string> deploy_never;  ///< the same below the deploy root
  DeleteLimits delete_limits;
  uint32_t versions_keep_days = 30;
  uint64_t versions_keep_bytes = 0;  ///< 0 = 10 % of the file system
  int preserve_owner = -1;           ///< -1 = when root on both sides, 0 = no, 1 = yes
  bool preserve_xattrs = false;
  bool preserve_setuid = false;  ///< of files, where their owner is preserved
  bool preserve_hardlinks = true;
  uint64_t bandwidth_limit = 0;  ///< bytes per second, 0 = none
  uint32_t transfer_workers = 2;
  uint32_t stale_minutes = 10;
  WatchSource watch = WatchSource::automatic;
  std::vector<std::string> post_sync_command;    ///< program (absolute) and arguments; empty = none
  std::vector<std::string> on_conflict_command;  ///< the same
};

}  // namespace twsync
