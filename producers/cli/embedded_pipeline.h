#pragma once
// Broker and workers of one pair in this process, over inproc:// endpoints, with the pair's own files.

#include <memory>
#include <optional>
#include <string>

#include "common/app/pair_config.h"
#include "common/base/clock.h"
#include "common/fs/host_facts.h"
#include "common/zmq/link.h"
#include "workers/resolver/pair_controller.h"

namespace twsync {

struct PipelineOptions {
  PairConfig pair;
  std::string agent_path;  ///< the twsync-agent that is run (local) or installed on the other server
  std::string version;
  ControllerOptions controller = {};
};

/// Runs from start() to its destruction, which lets the running cycle end between batches. One thread; `clock` and
/// `host` outlive it.
class EmbeddedPipeline {
 public:
  /// Errors: busy (another process has the pair's queue), corrupt, no_space, io.
  static Result<std::unique_ptr<EmbeddedPipeline>> start(PipelineOptions options, Clock& clock, HostFacts& host);
  ~EmbeddedPipeline();

  /// A client of its broker; goes before the pipeline does.
  Result<std::unique_ptr<BrokerClient>> connect();
  /// Why a worker ended by itself, if one did.
  std::optional<Error> failure();

 private:
  struct Impl;
  explicit EmbeddedPipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
