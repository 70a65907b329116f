#include "common/base/flush.h"

#include <unistd.h>

namespace twsync {

const bool kFlushes = true;

int flush_fd(int fd) {
  return ::fsync(fd);
}

int flush_data(int fd) {
  return ::fdatasync(fd);
}

int flush_file_system(int fd) {
  return ::syncfs(fd);
}

}  // namespace twsync
