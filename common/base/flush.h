#pragma once
// The calls that put data on disk. A build without them (SYNC_TEST_WITHOUT_FLUSHES) exists to show that the tests of
// power cuts can fail and what flushing costs; it says so with --version, and nothing that is shipped is such a build.

#include <unistd.h>

namespace twsync {

#ifdef TWSYNC_TEST_WITHOUT_FLUSHES
constexpr bool kFlushes = false;
#else
constexpr bool kFlushes = true;
#endif

/// Content, metadata and, of a directory, its names. 0, or -1 and errno.
inline int flush_fd(int fd) {
  return kFlushes ? ::fsync(fd) : 0;
}
/// Content and size.
inline int flush_data(int fd) {
  return kFlushes ? ::fdatasync(fd) : 0;
}
/// Everything on the file system of `fd`.
inline int flush_file_system(int fd) {
  return kFlushes ? ::syncfs(fd) : 0;
}

}  // namespace twsync
