#include "common/ssh/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/hasher.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr size_t kMaxTextFile = 4U << 20U;

struct Fd {
  int fd;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status make_directories(const std::string& directory) {
  for (size_t at = 1; at <= directory.size(); ++at) {
    if (at != directory.size() && directory[at] != '/') continue;
    const std::string part = directory.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
      return error_from_errno(errno, "cannot make the directory", part);
  }
  return {};
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return error_from_errno(errno, "cannot write", path);
    text.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Status write_temporary(const std::string& temporary, std::string_view text, mode_t mode, const std::string& path) {
  const Fd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (file.fd < 0) return error_from_errno(errno, "cannot write", path);
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0 && old.st_uid != ::geteuid() && ::fchown(file.fd, old.st_uid, old.st_gid) != 0) {
    return error_from_errno(errno, "cannot keep the owner of", path);
  }
  SYNC_TRY(write_all(file.fd, text, path));
  if (::fchmod(file.fd, mode) != 0 || ::fsync(file.fd) != 0) return error_from_errno(errno, "cannot write", path);
  return {};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return error_from_errno(errno, "cannot read", path);
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_from_errno(errno, "cannot read", path);
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kMaxTextFile) return Error{ErrorCode::corrupt, "too large for such a file", path, 0};
  }
}

Status write_text_file(const std::string& given_path, std::string_view text, mode_t mode) {
  // A link (a home kept elsewhere) stays a link: its target is replaced.
  char real[4096];
  const std::string path = ::realpath(given_path.c_str(), real) != nullptr ? std::string(real) : given_path;
  SYNC_TRY(make_directories(directory_of(path)));
  const std::string temporary = str(path, ".", random_hex(6), ".tmp");
  Status status = write_temporary(temporary, text, mode, path);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
    status = error_from_errno(errno, "cannot replace", path);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_directory_of(path);
}

Status sync_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const Fd parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (parent.fd < 0 || ::fsync(parent.fd) != 0) return error_from_errno(errno, "cannot make durable", directory);
  return {};
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace twsync
