#pragma once
// By which of the kernel's interfaces changes below a root are seen.

#include <cstdint>

namespace twsync {

/// Never renumber: the values travel to the agent. A value that is not known means `automatic`.
enum class WatchSource : uint8_t {
  automatic = 0,  ///< inotify; fanotify where inotify has too few watches and the process may
  inotify = 1,
  fanotify = 2,  ///< inotify where the process may not, shown as degraded
};

}  // namespace twsync
