#pragma once
// The agent's watch: what WatchTree sees goes out as hints frames.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "common/ssh/connection.h"
#include "producers/inotify/watch_tree.h"

namespace twsync {

/// By what the request wants to be watched; automatic when this agent doesn't know it.
WatchSource watch_source(const WatchRequest& request);
/// The rules of a request as the walk of a listing has them.
IgnoreFilter watch_filter(const WatchRequest& request);

/// Threads: set_rules() and cookie() belong to the session's; the tree's own sends hints, and waits there while the
/// client doesn't read (the kernel's queue then overflows into one hint on the root).
class AgentWatch {
 public:
  /// `connection` must outlive it.
  static Result<std::unique_ptr<AgentWatch>> start(Connection& connection, const std::string& root,
                                                   const WatchRequest& request);
  /// REQUIRES: the connection is closed (else the tree's thread may be waiting for room).
  ~AgentWatch() = default;

  void set_rules(const WatchRequest& request);
  /// Returns when every event queued before the call has gone out as a hint; unsupported when not everything below the
  /// root is watched, or the kernel doesn't tell within 5 s.
  Status cookie(const std::string& pair_id);

 private:
  explicit AgentWatch(Connection& connection) : connection_(connection) {}
  void send_hints(std::vector<Hint> hints);
  void seen(const std::string& name, bool whole);

  Connection& connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> waiting_;    // guarded by mutex_: cookies not seen yet
  bool whole_ = true;                // guarded by mutex_: as of the last cookie
  std::unique_ptr<WatchTree> tree_;  // last: its thread uses the rest
};

}  // namespace twsync
