#pragma once
// From a pair's configuration to its two sides: agents over SSH or as child processes, the code root on this host.

#include <functional>
#include <memory>
#include <string>

#include "common/app/pair_config.h"
#include "common/base/clock.h"
#include "common/fs/host_facts.h"
#include "common/ssh/connection.h"
#include "workers/agent/remote_side.h"
#include "workers/scanner/scan_sides.h"

namespace twsync {

/// Connects to the pair's agent in a role and shakes hands. Any thread; blocks for as long as connecting takes.
using AgentConnector = std::function<Result<std::unique_ptr<Connection>>(const PairConfig&, AgentRole, const Hello&)>;

struct AgentWay {
  /// Our agent binary, run for local targets and installed on servers that have none; empty = looked for beside our own
  /// executable.
  std::string agent_path;
  std::string dial_socket;  ///< who connects for us (dial/dial.h); empty = we do
};

AgentConnector make_agent_connector(AgentWay way);

/// A control session with the pair's agent.
Result<std::unique_ptr<RemoteSide>> connect_deploy_side(const AgentWay& way, const PairConfig& pair,
                                                        const Hello& request, RemoteSide::WatchSinks sinks = {});

/// Both sides for a scanner. `clock` and `host` outlive it.
ScanSides make_scan_sides(AgentWay way, Clock& clock, HostFacts& host);

}  // namespace twsync
