#pragma once
// The one way into a root: descriptors of directories below it, resolved without ever leaving it (I12).

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/result.h"
#include "common/fs/file_stat.h"
#include "common/fs/unique_fd.h"

namespace twsync {

/// How paths below the root are resolved: by openat2, or component by component where the kernel or a seccomp filter
/// has no openat2. `automatic` finds out at the first call.
enum class ResolveMode { automatic, walk };

/// An open root. Its path may be replaced later; everything here goes on meaning the directory that was opened.
/// Any thread.
class RootDir {
 public:
  /// `path` is absolute. Refused: not a directory, or a symlink as its last component.
  static Result<std::unique_ptr<RootDir>> open(std::string path, ResolveMode mode = ResolveMode::automatic);
  /// The directory of an open descriptor (borrowed for the call). It has no path, so it is always in place.
  static Result<std::unique_ptr<RootDir>> at(int dir_fd);

  int fd() const { return path_fd_.get(); }  ///< O_PATH
  const std::string& path() const { return path_; }
  uint64_t device() const { return stat_.device; }
  uint64_t inode() const { return stat_.inode; }

  /// ErrorCode::guard "root was replaced" unless the path still leads to the directory that was opened.
  Status check_in_place() const;

  /// The directory `rel` ("" = the root) with `flags` (O_PATH, or O_RDONLY to list or flush it). No symlink is
  /// followed, no mount is entered, nothing outside is reached; longer than PATH_MAX is fine. sys_errno says why not:
  /// ENOENT, ENOTDIR, ELOOP (a symlink on the way), EXDEV (a mount on the way), EACCES, …
  Result<UniqueFd> open_dir(std::string_view rel, int flags) const;

 private:
  RootDir() = default;
  UniqueFd open_piece(int base, const std::string& piece, int flags, int& err) const;
  UniqueFd walk_piece(int base, std::string_view piece, int flags, int& err) const;

  std::string path_;
  UniqueFd path_fd_;
  FileStat stat_;
  ResolveMode mode_ = ResolveMode::automatic;
};

/// The parents used last, as O_PATH descriptors. Lives as long as one batch or listing: a cached descriptor goes on
/// meaning a directory that was moved meanwhile. Not thread-safe.
class DirCache {
 public:
  explicit DirCache(const RootDir& root, size_t capacity = 64) : root_(root), capacity_(capacity) {}

  /// Owned by the cache; valid until the next call.
  Result<int> get(std::string_view rel);
  /// get() of the parent of `rel`.
  Result<int> parent_of(std::string_view rel);
  /// After a directory was moved, replaced or removed.
  void clear();

 private:
  struct Slot {
    std::string rel;
    UniqueFd fd;
  };
  const RootDir& root_;
  size_t capacity_;
  std::list<Slot> recent_;  // front = used last
  std::unordered_map<std::string_view, std::list<Slot>::iterator> by_path_;
};

}  // namespace twsync
