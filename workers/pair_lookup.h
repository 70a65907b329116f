#pragma once
// How a worker finds a pair's configuration.

#include <functional>
#include <optional>
#include <string>

#include "common/app/pair_config.h"

namespace twsync {

/// nullopt = no such pair (any more). Any thread.
using PairLookup = std::function<std::optional<PairConfig>(const std::string& name)>;

}  // namespace twsync
