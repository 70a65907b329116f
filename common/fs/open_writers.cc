#include "common/fs/open_writers.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

namespace twsync {

bool has_open_writer(int fd) {
  // A read lease is granted only while nobody has the file open for writing. Who opens it in the moment that we hold
  // the lease waits that long, and the kernel tells us by a signal: one that is ignored by default.
  (void)::fcntl(fd, F_SETSIG, SIGURG);
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  (void)::fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

}  // namespace twsync
