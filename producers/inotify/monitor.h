#pragma once
// The code side's producer: one watch a root, hints to the broker, and a log line for what the broker says.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/app/config.h"
#include "common/zmq/link.h"

namespace twsync {

struct MonitorOptions {
  BrokerEndpoints endpoints;
  std::vector<PairConfig> pairs;                   ///< prepared
  std::function<void()> each_turn;                 ///< at least every second (watchdog)
  std::function<void()> ready;                     ///< once every watch was tried
  std::function<void(const std::string&)> status;  ///< how every pair stands, in one line, when it changes
};

/// Runs until `stop`. A broker that is away is waited for: hints are kept (coalesced beyond a bound) and sent when it
/// is back. A root that is not there is tried again every 5 s.
Status run_monitor(ZmqContext& context, const MonitorOptions& options, const std::atomic<bool>& stop);

/// What all pairs on one root leave out: a path that only some of them ignore must be watched.
struct CommonRules {
  std::vector<std::string> exclude;
  std::vector<std::string> never;
};
CommonRules common_rules(const std::vector<PairConfig>& pairs);

}  // namespace twsync
