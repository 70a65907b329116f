#pragma once
// The kernel's side: one fanotify group with a mark on a whole file system, and directories found by their handles.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fs/unique_fd.h"

namespace twsync {

struct FanotifyEvent {
  struct Place {
    std::string directory;  ///< an opaque handle of the directory; empty = not told
    std::string name;       ///< in that directory; empty = the directory itself
  };
  uint64_t mask = 0;
  Place at;  ///< of a rename: where it was
  Place to;  ///< of a rename: where it is
};

/// Not thread-safe.
class FanotifyFd {
 public:
  /// Events of everything on the file system of the open directory, from now on. denied: the process lacks
  /// CAP_SYS_ADMIN or CAP_DAC_READ_SEARCH; unsupported: this kernel or file system cannot do it.
  static Result<FanotifyFd> open(int root_fd);

  int fd() const { return fd_.get(); }
  /// Everything that is queued now, up to a bounded amount; false when nothing was.
  Result<bool> read(std::vector<FanotifyEvent>& out);

 private:
  explicit FanotifyFd(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// Where the directory of a handle is now.
struct HandlePath {
  std::string path;   ///< absolute, as this process sees the mount of `mount_fd`
  bool exact = true;  ///< false: the path is too long for the kernel to tell; this is a directory above
};

/// `mount_fd`: any open directory on the handle's file system. stale: that directory is gone.
Result<HandlePath> path_of_handle(int mount_fd, const std::string& handle);
/// The path of an open directory; an error when it was removed.
Result<HandlePath> path_of_directory(int fd);

}  // namespace twsync
