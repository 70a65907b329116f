#pragma once
// Does some program hold a file open for writing?

namespace twsync {

/// True when the kernel says so of the regular file behind `fd` (O_RDONLY); a shared writable mapping counts. False
/// when not, and where it cannot be asked (no lease on that file system, somebody else's file without CAP_LEASE).
bool has_open_writer(int fd);

}  // namespace twsync
