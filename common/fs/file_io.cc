#include "common/fs/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/base/flush.h"
#include "common/base/hasher.h"
#include "common/base/text.h"

namespace twsync {

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return error_from_errno(errno, "cannot write");
    }
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

Result<size_t> read_full(int fd, char* out, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(fd, out + done, size - done);
    if (got < 0) {
      if (errno == EINTR) continue;
      return error_from_errno(errno, "cannot read");
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<std::string> read_file_at(int dir_fd, const char* name, size_t limit) {
  const UniqueFd fd(::openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, str("cannot open ", name));
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return error_from_errno(errno, str("cannot read ", name));
  if (!S_ISREG(st.st_mode)) return Error{ErrorCode::corrupt, str(name, " is not a regular file"), {}, 0};
  std::string bytes(std::min(limit, static_cast<size_t>(st.st_size)) + 1, '\0');
  SYNC_ASSIGN(size_t size, read_full(fd.get(), bytes.data(), bytes.size()));
  if (size == bytes.size() && size <= limit) {  // longer than its size says
    bytes.resize(limit + 1);
    SYNC_ASSIGN(const size_t more, read_full(fd.get(), bytes.data() + size, bytes.size() - size));
    size += more;
  }
  if (size > limit) return Error{ErrorCode::corrupt, str(name, " is too long"), {}, 0};
  bytes.resize(size);
  return bytes;
}

Status replace_file_at(int dir_fd, const std::string& name, std::string_view bytes) {
  const std::string temporary = str(name, ".new-", random_hex(8));
  UniqueFd fd(::openat(dir_fd, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return error_from_errno(errno, str("cannot create ", temporary));
  Status status = write_all(fd.get(), bytes);
  if (status.ok() && flush_fd(fd.get()) != 0) status = error_from_errno(errno, str("cannot flush ", temporary));
  if (status.ok() && ::renameat(dir_fd, temporary.c_str(), dir_fd, name.c_str()) != 0) {
    status = error_from_errno(errno, str("cannot rename to ", name));
  }
  if (!status.ok()) {
    ::unlinkat(dir_fd, temporary.c_str(), 0);
    return status;
  }
  if (flush_fd(dir_fd) != 0) return error_from_errno(errno, str("cannot flush the directory of ", name));
  return {};
}

Result<UniqueFd> ensure_directory(int dir_fd, const std::string& name) {
  const bool made = ::mkdirat(dir_fd, name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return error_from_errno(errno, "cannot make the directory", name);
  UniqueFd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, "cannot open the directory", name);
  if (made && flush_fd(dir_fd) != 0) return error_from_errno(errno, "cannot flush the parent directory", name);
  return fd;
}

}  // namespace twsync
