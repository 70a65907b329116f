#pragma once
// --path: relative to the root, or absolute below it.

#include <string>

#include "common/base/result.h"

namespace twsync {

/// The path relative to `root` ("" = the root itself). usage when it lies elsewhere or is no valid path.
Result<std::string> relative_argument(const std::string& path, const std::string& root);

}  // namespace twsync
