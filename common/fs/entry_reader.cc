#include "common/fs/entry_reader.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/fs/xattrs.h"

namespace twsync {

std::string proc_fd_path(int fd) {
  return str("/proc/self/fd/", fd);
}
std::string proc_fd_path(int fd, std::string_view name) {
  return str("/proc/self/fd/", fd, '/', name);
}

Result<std::string> read_link(int dir_fd, const char* name) {
  char buffer[4096];  // a target is always shorter than PATH_MAX
  const ssize_t length = ::readlinkat(dir_fd, name, buffer, sizeof buffer);
  if (length < 0) return error_from_errno(errno, "cannot read the link");
  return std::string(buffer, static_cast<size_t>(length));
}

Result<Entry> EntryReader::at(int dir_fd, const char* name, bool* is_mount) const {
  // A link that is replaced between stat and readlink is looked at again.
  for (int tries = 0;; ++tries) {
    FileStat stat;
    if (const int err = stat_at(dir_fd, name, stat, root_device_); err != 0) {
      if (err == ENOENT) return Entry{};
      return error_from_errno(err, "cannot look at the entry");
    }
    if (is_mount != nullptr) *is_mount = stat.mount_root;
    Entry entry = entry_from_stat(stat);
    if (entry.is_symlink()) {
      auto target = read_link(dir_fd, name);
      if (!target) {
        const int err = target.error().sys_errno;
        if ((err == EINVAL || err == ENOENT) && tries < 10) continue;
        return std::move(target).error();
      }
      entry.target = std::move(target).value();
    }
    SYNC_TRY(complete(entry, options_.xattrs ? proc_fd_path(dir_fd, name) : std::string(), false));
    return entry;
  }
}

Result<Entry> EntryReader::open_file(int fd) const {
  FileStat stat;
  if (const int err = stat_fd(fd, stat); err != 0) return error_from_errno(err, "cannot look at the open file");
  Entry entry = entry_from_stat(stat);
  SYNC_TRY(complete(entry, options_.xattrs ? proc_fd_path(fd) : std::string(), true));
  return entry;
}

Status EntryReader::complete(Entry& entry, const std::string& proc_path, bool follow) const {
  if (options_.owner) {
    entry.owner = owners_->user(entry.uid);
    entry.group = owners_->group(entry.gid);
  }
  if (options_.xattrs && (entry.is_file() || entry.is_directory())) {
    auto xattrs = read_xattrs(proc_path, follow);
    if (!xattrs && xattrs.error().sys_errno != ENOENT) return std::move(xattrs).error();
    if (xattrs) entry.xattrs = Name(*xattrs);
  }
  return {};
}

}  // namespace twsync
