#pragma once
// A lock file held by flock: it clears itself when the process dies, and tells who holds it.

#include <string>

#include "common/base/result.h"

namespace twsync {

class FileLock {
 public:
  /// busy with the holder's text when another process (or object) holds it. The file stays for ever; only the lock
  /// goes.
  static Result<FileLock> acquire(const std::string& path, const std::string& holder);
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace twsync
