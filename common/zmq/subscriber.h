#pragma once
// The broker's PUB socket: every event of every pair, for whoever watches.

#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/zmq/link.h"

namespace twsync {

/// One thread. Connects by itself whenever a broker is there; what was published meanwhile is missed (the journal and
/// base.db have what matters).
class BrokerSubscriber {
 public:
  /// `pair` = only its events; "" = all.
  static Result<std::unique_ptr<BrokerSubscriber>> connect(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                           const std::string& pair = {});
  ~BrokerSubscriber();
  /// The next event, or nullopt after timeout_ms (-1 = none) or wake(). Malformed ones are skipped.
  Result<std::optional<Event>> next(int timeout_ms);
  /// Any thread.
  void wake();

 private:
  struct Impl;
  explicit BrokerSubscriber(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
