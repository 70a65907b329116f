#pragma once
// What stands at a name, as an Entry: stat, owner names, link target, extended attributes.

#include "common/base/result.h"
#include "common/fs/file_stat.h"
#include "common/fs/owner_names.h"

namespace twsync {

struct MetadataOptions {
  bool owner = false;
  bool xattrs = false;
  bool setuid = false;  ///< of files, where `owner` is
};

/// Any thread. `owners` outlives it.
class EntryReader {
 public:
  EntryReader(MetadataOptions options, OwnerNames& owners, uint64_t root_device)
      : options_(options), owners_(&owners), root_device_(root_device) {}

  /// Kind::none when nothing stands there. The digest stays unknown. Never opens the entry. `is_mount`: the entry is
  /// Kind::other because another mount begins there.
  Result<Entry> at(int dir_fd, const char* name, bool* is_mount = nullptr) const;
  /// The open file or directory itself.
  Result<Entry> open_file(int fd) const;
  /// Completes an Entry whose stat is known; `proc_path` names the inode ("/proc/self/fd/N" with `follow`, or
  /// "/proc/self/fd/N/name").
  Status complete(Entry& entry, const std::string& proc_path, bool follow) const;
  bool preserves_owner() const { return options_.owner; }
  bool preserves_xattrs() const { return options_.xattrs; }
  OwnerNames& owners() const { return *owners_; }

 private:
  MetadataOptions options_;
  OwnerNames* owners_;
  uint64_t root_device_;
};

/// "/proc/self/fd/N" and "/proc/self/fd/N/name".
std::string proc_fd_path(int fd);
std::string proc_fd_path(int fd, std::string_view name);

/// The target of the symlink `name` below `dir_fd`.
Result<std::string> read_link(int dir_fd, const char* name);

}  // namespace twsync
