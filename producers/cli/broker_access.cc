#include "producers/cli/broker_access.h"

#include <algorithm>

namespace twsync {

bool BrokerAccess::serves(const std::string& pair) const {
  return std::any_of(status.pairs.begin(), status.pairs.end(),
                     [&](const PairStatus& known) { return known.pair == pair; });
}

Result<std::unique_ptr<BrokerAccess>> open_broker(const Config& config, int timeout_ms) {
  auto access = std::make_unique<BrokerAccess>();
  SYNC_ASSIGN(access->client, BrokerClient::connect(access->context, ipc_endpoints(config.runtime_dir), timeout_ms));
  SYNC_ASSIGN(access->status, access->client->status(StatusQuery{}, timeout_ms));
  return access;
}

}  // namespace twsync
