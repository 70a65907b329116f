#pragma once
// Holds a flock for a scope.

#include <sys/file.h>

#include <cerrno>

namespace twsync {

class FlockGuard {
 public:
  FlockGuard(int fd, int how) : fd_(fd) {
    while (::flock(fd_, how) != 0 && errno == EINTR) {
    }
  }
  ~FlockGuard() { ::flock(fd_, LOCK_UN); }
  FlockGuard(const FlockGuard&) = delete;
  FlockGuard& operator=(const FlockGuard&) = delete;

 private:
  int fd_;
};

}  // namespace twsync
