#include "broker/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace twsync {

Result<FileLock> FileLock::acquire(const std::string& path, const std::string& holder) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return error_from_errno(errno, "cannot open the lock file", path);
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return error_from_errno(errno, "cannot lock", path);
    char text[200];
    const ssize_t size = ::pread(fd, text, sizeof text, 0);
    const std::string who = size > 0 ? escape_bytes({text, static_cast<size_t>(size)}) : "another process";
    return Error{ErrorCode::busy, str("a broker runs already: ", who), path, 0};
  }
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, holder.data(), holder.size(), 0) < 0) {
    return error_from_errno(errno, "cannot write the lock file", path);
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace twsync
