#pragma once
// Watches the broker and tells others: metrics, commands on events, an alert when a pair has gone stale.

#include <atomic>
#include <functional>
#include <vector>

#include "common/app/config.h"
#include "common/zmq/link.h"

namespace twsync {

struct ObserverOptions {
  BrokerEndpoints endpoints;
  std::vector<PairConfig> pairs;
  uint16_t metrics_port = 0;        ///< 0 = none
  std::function<void()> each_turn;  ///< at least every second (watchdog)
  std::function<void()> ready;
};

/// Runs until `stop`. A broker that is away is waited for; what happened meanwhile is missed by the commands and the
/// counters. Errors: the port for metrics is taken.
Status run_observer(ZmqContext& context, const ObserverOptions& options, const std::atomic<bool>& stop);

}  // namespace twsync
