#pragma once
// The longest path that is synced. An honest lister leaves out what is longer, and says so; a peer that names one lies.

#include <string_view>

#include "common/base/rel_path.h"

namespace twsync {

constexpr size_t kMaxPath = 1U << 16U;

/// The path itself, or the directory nearest above it that is short enough.
inline std::string_view within_max_path(std::string_view path) {
  while (path.size() > kMaxPath) path = parent_path(path);
  return path;
}

}  // namespace twsync
