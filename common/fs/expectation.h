#pragma once
// "Is this what the plan expected?" (DESIGN.md section 6).

#include "common/base/hasher.h"
#include "common/fs/file_stat.h"
#include "common/model/entry.h"

namespace twsync {

/// One thread at a time.
class Expectation {
 public:
  explicit Expectation(const HashKey& key) : hasher_(key) {}

  /// `name` below `dir_fd` is `expected`: same inode, size, mtime and mode, with an mtime at least 20 ms older than the
  /// scan (`scanned_ns`, wall clock; 0 = this side was not scanned, the entry is the base's and was looked at no
  /// earlier than at its ctime); else the same digest, by reading it. An unknown stamp and an unknown digest fit
  /// nothing. `before`: a stat of the entry while it still stood in the tree; a ctime that moved since the scan makes
  /// the digest decide, where it is known. Renames change ctime, so it is not looked at afterwards (and 0 in `expected`
  /// = the plan itself moved the entry).
  bool fits(int dir_fd, const char* name, const FileStat& stat, const FileStat& before, const Entry& expected,
            int64_t scanned_ns);
  /// The cheap part: kind, inode, size, mtime, mode. What does not pass this is not the expected entry, unless its
  /// stamp is unknown.
  static bool may_fit(const FileStat& stat, const Entry& expected);

 private:
  bool same_content(int dir_fd, const char* name, const Entry& expected);
  Hasher hasher_;
};

}  // namespace twsync
