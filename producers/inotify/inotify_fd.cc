#include "producers/inotify/inotify_fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/text.h"

namespace twsync {

namespace {
constexpr uint32_t kMask =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MODIFY | IN_EXCL_UNLINK;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
}  // namespace

Result<InotifyFd> InotifyFd::open() {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return error_from_errno(errno, "cannot watch for changes (inotify)");
  return InotifyFd(fd);
}

InotifyFd::InotifyFd(InotifyFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
InotifyFd& InotifyFd::operator=(InotifyFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
InotifyFd::~InotifyFd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<int> InotifyFd::add(int directory_fd, bool is_root) {
  // By descriptor, so that a name that was swapped for a link meanwhile cannot be followed.
  const std::string path = str("/proc/self/fd/", directory_fd);
  const uint32_t mask = kMask | IN_ONLYDIR | (is_root ? IN_DELETE_SELF | IN_MOVE_SELF : 0u);
  const int wd = ::inotify_add_watch(fd_, path.c_str(), mask);
  if (wd < 0) return error_from_errno(errno, "cannot watch a directory");
  return wd;
}

void InotifyFd::remove(int wd) {
  (void)::inotify_rm_watch(fd_, wd);
}

Result<bool> InotifyFd::read(std::vector<RawEvent>& out) {
  alignas(inotify_event) char buffer[64 * 1024];
  const ssize_t got = ::read(fd_, buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return error_from_errno(errno, "cannot read changes (inotify)");
  for (const char* at = buffer; at < buffer + got;) {
    inotify_event event;
    std::memcpy(&event, at, sizeof event);
    out.push_back({event.wd, event.mask, event.cookie, event.len > 0 ? std::string(at + sizeof event) : std::string()});
    at += sizeof event + event.len;
  }
  return got > 0;
}

Result<WatchedDir> WatchedDir::open_root(const std::string& path, ResolveMode mode) {
  SYNC_ASSIGN(auto opened, RootDir::open(path, mode));
  const std::shared_ptr<const RootDir> root = std::move(opened);
  SYNC_ASSIGN(UniqueFd fd, root->open_dir("", kOpenFlags));
  return WatchedDir(root, std::move(fd));
}

Result<WatchedDir> WatchedDir::open_below(const std::string& path) const {
  SYNC_ASSIGN(UniqueFd fd, root_->open_dir(path, kOpenFlags));
  return WatchedDir(root_, std::move(fd));
}

Result<std::vector<std::string>> WatchedDir::subdirectories() const {
  const int copy = ::openat(fd_.get(), ".", kOpenFlags);
  DIR* dir = copy < 0 ? nullptr : ::fdopendir(copy);
  if (dir == nullptr) {
    const int failed = errno;
    if (copy >= 0) ::close(copy);
    return error_from_errno(failed, "cannot list a directory");
  }
  std::vector<std::string> out;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    // DT_UNKNOWN: opening it tells.
    if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && name != "." && name != "..") out.emplace_back(name);
    errno = 0;
  }
  const int failed = errno;
  ::closedir(dir);
  if (failed != 0) return error_from_errno(failed, "cannot list a directory");
  return out;
}

bool WatchedDir::is_still(const std::string& path) const {
  struct stat mine {};
  struct stat there {};
  return ::fstat(fd_.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
         mine.st_ino == there.st_ino;
}

}  // namespace twsync
