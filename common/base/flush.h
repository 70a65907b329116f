#pragma once
// The calls that put data on disk. One object of its own, so that a test build without it
// (tests/support/without_flushes.cc) can show that the tests of power cuts can fail and what flushing costs; that build
// says so with --version.

namespace twsync {

/// False in that test build alone.
extern const bool kFlushes;

/// Content, metadata and, of a directory, its names. 0, or -1 and errno.
int flush_fd(int fd);
/// Content and size.
int flush_data(int fd);
/// Everything on the file system of `fd`.
int flush_file_system(int fd);

}  // namespace twsync
