#pragma once
// The agent's control role: facts, lock, listings, digests, watch, history. One request at a time, in order of arrival.

#include <memory>

#include "common/fs/local_side.h"
#include "common/ssh/connection.h"
#include "workers/agent/agent_watch.h"
#include "workers/agent/history.h"

namespace twsync {

/// Threads: handlers run on the session's thread; the watch has its own, which sends hints as they come. The
/// connection answers pings meanwhile, so that a long listing is no silence.
/// A handler's error ends the session; what merely fails is told in its reply.
class ControlSession {
 public:
  /// `connection`, `clock` and `host` must outlive the session.
  static Result<std::unique_ptr<ControlSession>> open(Connection& connection, const RootOptions& options, Clock& clock,
                                                      HostFacts& host, std::vector<std::string> own_paths);
  ~ControlSession();  ///< closes the connection, stops the watch, gives the lock back

  Status on_facts(Frame&& frame);
  Status on_claim(Frame&& frame);
  Status on_list(Frame&& frame);
  Status on_digest(Frame&& frame);
  Status on_read_small(Frame&& frame);
  Status on_flush(Frame&& frame);
  Status on_watch(Frame&& frame);
  Status on_cookie(Frame&& frame);
  Status on_versions(Frame&& frame);
  Status on_restore(Frame&& frame);
  Status on_restore_tree(Frame&& frame);
  Status on_read_version(Frame&& frame);
  Status on_forget(Frame&& frame);
  Status on_tend(Frame&& frame);

 private:
  ControlSession(Connection& connection, RootOptions options, Clock& clock);
  template <class Message>
  Status answer(FrameType type, const Frame& asked, const Message& message);
  Status send_notes(const Frame& asked, ListEnd&& end);
  Status watch(const WatchRequest& request);
  Result<std::unique_ptr<History>> history();
  Status forget();

  Connection& connection_;
  RootOptions options_;  ///< pair id and hash key as of the last claim
  Clock& clock_;
  std::vector<std::string> own_paths_;
  bool claimed_ = false;
  std::unique_ptr<LocalSide> side_;
  std::unique_ptr<AgentWatch> watch_;
};

}  // namespace twsync
