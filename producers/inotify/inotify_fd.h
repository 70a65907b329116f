#pragma once
// The kernel's side: one inotify instance, and directories opened without leaving the root.

#include <sys/inotify.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fs/dir_handle.h"

namespace twsync {

struct RawEvent {
  int wd = -1;
  uint32_t mask = 0;
  uint32_t cookie = 0;
  std::string name;  ///< empty = the watched directory itself
};

class InotifyFd {
 public:
  static Result<InotifyFd> open();
  InotifyFd(InotifyFd&& other) noexcept;
  InotifyFd& operator=(InotifyFd&& other) noexcept;
  ~InotifyFd();

  int fd() const { return fd_; }
  /// Watches the open directory itself, whatever its name is by now. no_space = the watch limit is reached.
  Result<int> add(int directory_fd, bool is_root);
  void remove(int wd);
  /// Everything that is queued now, up to a bounded amount; false when nothing was.
  Result<bool> read(std::vector<RawEvent>& out);

 private:
  explicit InotifyFd(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// An open directory below a root.
class WatchedDir {
 public:
  static Result<WatchedDir> open_root(const std::string& path, ResolveMode mode = ResolveMode::automatic);
  /// Refuses symlinks, mounts and whatever leads out. not_found, denied, or io.
  Result<WatchedDir> open_below(const std::string& path) const;

  int fd() const { return fd_.get(); }
  /// Names of what is, or may be, a directory.
  Result<std::vector<std::string>> subdirectories() const;
  /// True while `path` still leads to this very directory.
  bool is_still(const std::string& path) const;

 private:
  WatchedDir(std::shared_ptr<const RootDir> root, UniqueFd fd) : root_(std::move(root)), fd_(std::move(fd)) {}
  std::shared_ptr<const RootDir> root_;
  UniqueFd fd_;
};

}  // namespace twsync
