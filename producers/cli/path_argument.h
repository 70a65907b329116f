#pragma once
// --path: relative to the root, or absolute below it.

#include <string>

#include "common/app/pair_config.h"
#include "common/base/result.h"

namespace twsync {

/// The path relative to the pair's code root ("" = the root). usage when it lies elsewhere or is no valid path.
Result<std::string> relative_argument(const std::string& path, const PairConfig& pair);

}  // namespace twsync
