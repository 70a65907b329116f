#pragma once
// Watches the broker and tells others: metrics, commands on events, an alert when a pair has gone stale.

#include <functional>
#include <vector>

#include "common/app/config.h"
#include "common/app/signals.h"
#include "common/zmq/link.h"
#include "producers/observer/metrics.h"

namespace twsync {

struct ObserverOptions {
  BrokerEndpoints endpoints;
  std::vector<PairConfig> pairs;
  uint16_t metrics_port = 0;           ///< 0 = none
  std::function<int64_t()> each_turn;  ///< says when the next one must be at the latest (watchdog)
  std::function<void()> ready;
};

/// When the broker is asked next, if neither a worker's coming or going nor a scrape asks before: once a minute at
/// rest, so that an idle machine sleeps. `pairs`: as they stood now.
int64_t next_look_ns(const std::vector<PairHealth>& pairs, bool answered, int64_t now_ns);

/// Runs until a stop is asked for. A broker that is away is waited for; what happened meanwhile is missed by the
/// commands and the counters. Errors: the port for metrics is taken.
Status run_observer(ZmqContext& context, const ObserverOptions& options, Signals& signals);

}  // namespace twsync
