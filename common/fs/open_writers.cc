#include "common/fs/open_writers.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

namespace twsync {

Writers open_writers(int fd) {
  // A read lease is granted only while nobody has the file open for writing. Who opens it in the moment that we hold
  // the lease waits that long, and the kernel tells us by a signal: one that is ignored by default.
  (void)::fcntl(fd, F_SETSIG, SIGURG);
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Writers::some : Writers::unknown;
  (void)::fcntl(fd, F_SETLEASE, F_UNLCK);
  return Writers::none;
}

}  // namespace twsync
