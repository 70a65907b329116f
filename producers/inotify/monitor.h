#pragma once
// The code side's producer: one watch a root, hints to the broker, and a log line for what the broker says.

#include <functional>
#include <string>
#include <vector>

#include "common/app/config.h"
#include "common/app/signals.h"
#include "common/zmq/link.h"

namespace twsync {

struct MonitorOptions {
  BrokerEndpoints endpoints;
  std::string version = {};
  std::vector<PairConfig> pairs;                   ///< prepared
  std::string fanotify_mend;                       ///< the command that lets this process use fanotify
  std::function<int64_t()> each_turn;              ///< says when it wants to be called again (steady ns; watchdog)
  std::function<void()> ready;                     ///< once a root is watched
  std::function<void(const std::string&)> status;  ///< how every pair stands, in one line, when it changes
};

/// Runs until a stop is asked for. A broker that is away is waited for: hints are kept (coalesced beyond a bound) and
/// sent when it is back. A root that is not there is tried again every 5 s.
Status run_monitor(ZmqContext& context, const MonitorOptions& options, Signals& signals);

/// What all pairs on one root leave out: a path that only some of them ignore must be watched.
struct CommonRules {
  std::vector<std::string> exclude;
  std::vector<std::string> never;
};
CommonRules common_rules(const std::vector<PairConfig>& pairs);
/// One watch serves all: what one of them names goes before `automatic`, fanotify before inotify.
WatchSource common_source(const std::vector<PairConfig>& pairs);

}  // namespace twsync
