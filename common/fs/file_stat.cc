#include "common/fs/file_stat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "common/base/clock.h"
#include "common/model/time_limits.h"

namespace twsync {

namespace {

Kind kind_of(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return Kind::file;
    case S_IFDIR:
      return Kind::directory;
    case S_IFLNK:
      return Kind::symlink;
    default:
      return Kind::other;
  }
}

int64_t nanoseconds(const struct statx_timestamp& t) {
  int64_t ns = 0;
  if (!__builtin_mul_overflow(t.tv_sec, kSecond, &ns) && !__builtin_add_overflow(ns, t.tv_nsec, &ns)) return ns;
  return t.tv_sec < 0 ? kFirstTime : kLastTime;
}

int stat_any(int dir_fd, const char* name, int flags, FileStat& out) {
  struct statx raw;
  if (statx(dir_fd, name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &raw) != 0) return errno;
  out.kind = kind_of(raw.stx_mode);
  out.mode = raw.stx_mode & 07777U;
  out.links = raw.stx_nlink;
  out.uid = raw.stx_uid;
  out.gid = raw.stx_gid;
  out.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  out.inode = raw.stx_ino;
  out.size = raw.stx_size;
  out.blocks = raw.stx_blocks;
  out.mtime_ns = nanoseconds(raw.stx_mtime);
  out.ctime_ns = nanoseconds(raw.stx_ctime);
  out.mount_root = (raw.stx_attributes & raw.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
  return 0;
}

}  // namespace

int stat_at(int dir_fd, const char* name, FileStat& out, uint64_t root_device) {
  const int err = stat_any(dir_fd, name, AT_SYMLINK_NOFOLLOW, out);
  if (err != 0) return err;
  // Only directories: overlayfs gives files of lower layers a device of their own.
  if (root_device != 0 && out.kind == Kind::directory && out.device != root_device) out.mount_root = true;
  if (out.mount_root) out.kind = Kind::other;
  return 0;
}

int stat_fd(int fd, FileStat& out) {
  return stat_any(fd, "", AT_EMPTY_PATH, out);
}

Entry entry_from_stat(const FileStat& stat) {
  Entry entry;
  entry.kind = stat.kind;
  entry.uid = stat.uid;
  entry.gid = stat.gid;
  entry.mtime_ns = stat.mtime_ns;
  entry.stamp = stat.stamp();
  if (stat.kind == Kind::file || stat.kind == Kind::directory) entry.mode = stat.mode;
  if (stat.kind == Kind::file) {
    entry.links = stat.links;
    entry.size = stat.size;
  }
  return entry;
}

}  // namespace twsync
