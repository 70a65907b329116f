#pragma once
// One stat as a value, with nanoseconds and "is another mount's root".

#include <cstdint>

#include "common/model/entry.h"

namespace twsync {

struct FileStat {
  Kind kind = Kind::none;  ///< other = socket, FIFO, device or the root of another mount
  uint32_t mode = 0;       ///< permission bits (07777)
  uint32_t links = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  uint64_t blocks = 0;  ///< of 512 bytes
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  bool mount_root = false;

  Stamp stamp() const { return Stamp{inode, size, mtime_ns, ctime_ns}; }
  /// Did nobody touch the inode between two stats of it?
  bool same_moment(const FileStat& other) const { return device == other.device && stamp() == other.stamp(); }
};

/// `name` below `dir_fd`, never following a link there. `root_device` != 0: directories on another device are mounts
/// even where the kernel does not say so (before 5.8). Returns 0 or errno.
int stat_at(int dir_fd, const char* name, FileStat& out, uint64_t root_device = 0);

/// The open file itself. Returns 0 or errno.
int stat_fd(int fd, FileStat& out);

/// Stat -> Entry without owner names, xattrs, link target and digest.
Entry entry_from_stat(const FileStat& stat);

}  // namespace twsync
