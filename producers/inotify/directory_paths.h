#pragma once
// Which path below the root a directory handle stands for.

#include <cstddef>
#include <string>
#include <unordered_map>

#include "common/base/result.h"

namespace twsync {

/// Remembers what it found: right until a directory of the file system is renamed, which must end in forget().
/// Not thread-safe.
class DirectoryPaths {
 public:
  struct Found {
    enum class Where {
      below,     ///< at `path` below the root ("" = the root)
      above_it,  ///< somewhere below `path`, which is as far as the kernel tells
      outside,   ///< not below the root
      gone,      ///< removed meanwhile: its parent's event tells that
      unknown    ///< the kernel doesn't tell: anything may have changed
    } where = Where::unknown;
    std::string path;
  };

  /// `root_fd` is open for as long as this is asked.
  const Found& find(int root_fd, const std::string& handle);
  void forget();

 private:
  Found look(int root_fd, const std::string& handle);

  std::unordered_map<std::string, Found> known_;
  std::string root_;  // the root's own path; empty = not asked yet
};

}  // namespace twsync
