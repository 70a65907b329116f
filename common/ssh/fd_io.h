#pragma once
// Non-blocking reads and writes of descriptors, as ByteStream wants them.

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace twsync {

/// Sets or clears O_NONBLOCK; returns the flags as they were (-1 = fcntl failed).
int set_nonblocking(int fd);
/// Bytes read, 0 = nothing now; `at_end` is set at end of file.
Result<size_t> read_fd_some(int fd, char* out, size_t size, bool& at_end);
/// Bytes written, 0 = not now. The caller's thread has SIGPIPE blocked.
Result<size_t> write_fd_some(int fd, const char* data, size_t size);

}  // namespace twsync
