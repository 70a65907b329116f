#pragma once
// The embedded default: broker and workers in this process over inproc:// endpoints, with the pair's own files.

#include <atomic>
#include <functional>
#include <string>

#include "common/app/pair_config.h"
#include "common/fs/host_facts.h"
#include "common/wire/messages.h"

namespace twsync {

struct EmbeddedOptions {
  PairConfig pair;
  Request request;
  std::string agent_path;  ///< the twsync-agent that is run (local) or installed on the other server
  std::string version;
  std::string audit_directory = {};  ///< <log-dir>/sync; empty = no audit log
  HostFacts* host = nullptr;         ///< of the code side; null = this host's own
};

/// Runs the request to its end under the pair's lock; calls `on_event` in order on the calling thread. `stop` ends it
/// early (cancelled). An Error only when nothing could be started; how the run itself went stands in Summary::error.
Result<Summary> run_embedded(const EmbeddedOptions& options, const std::function<void(const Event&)>& on_event,
                             std::atomic<bool>& stop);

}  // namespace twsync
