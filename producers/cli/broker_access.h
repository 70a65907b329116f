#pragma once
// The broker of this host, where one answers.

#include <memory>
#include <optional>
#include <string>

#include "common/app/config.h"
#include "common/zmq/link.h"

namespace twsync {

struct BrokerAccess {
  ZmqContext context;
  std::unique_ptr<BrokerClient> client;  ///< goes before the context
  StatusReply status;                    ///< as it was on connecting

  bool serves(const std::string& pair) const;
};

/// unreachable, at once, when nothing listens in the runtime directory; within `timeout_ms` when it does not answer.
Result<std::unique_ptr<BrokerAccess>> open_broker(const Config& config, int timeout_ms);

}  // namespace twsync
