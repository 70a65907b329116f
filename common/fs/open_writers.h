#pragma once
// Does some program hold a file open for writing?

#include <cstdint>

namespace twsync {

/// unknown: it cannot be asked (no leases on that file system, or somebody else's file without CAP_LEASE).
enum class Writers : uint8_t { none, some, unknown };

/// Of the regular file behind `fd` (O_RDONLY), as the kernel says; a shared writable mapping counts.
Writers open_writers(int fd);

}  // namespace twsync
