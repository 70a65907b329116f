#pragma once
// The pairs that a service's configuration names, checked at use (a root may come and go while the service runs).

#include "common/app/config.h"
#include "workers/pair_lookup.h"

namespace twsync {

inline PairLookup service_pairs(const Config& config) {
  return [config](const std::string& name) -> std::optional<PairConfig> {
    const PairConfig* found = config.find(name);
    if (found == nullptr) return std::nullopt;
    PairConfig pair = *found;
    // A root that isn't there now is reported by whoever opens it, with its path.
    (void)prepare_pair(config, pair).ok();
    return pair;
  };
}

}  // namespace twsync
