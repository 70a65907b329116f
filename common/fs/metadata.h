#pragma once
// Putting metadata on an inode through its descriptor, in the order in which nothing undoes what came before:
// owner, mode, xattrs, mtime.

#include <time.h>

#include "common/base/result.h"
#include "common/fs/entry_reader.h"

namespace twsync {

/// What an inode shall get. Absent fields stay as they are.
struct MetadataChange {
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint32_t> mode;
  std::optional<Name> xattrs;
  std::optional<int64_t> mtime_ns;
};

/// For every time, also those before 1970.
struct timespec to_timespec(int64_t ns);

/// Any thread.
class MetadataWriter {
 public:
  MetadataWriter(MetadataOptions options, OwnerNames& owners);

  /// For a new inode that will stand as `desired` where `expected` stood: where owners are not preserved, a file that
  /// replaces a file keeps that file's owner. setuid is dropped from files, unless it and the owner are preserved.
  MetadataChange for_new(const Entry& desired, const Entry& expected) const;
  /// What a file that comes in over the one at `path` (no link is followed) keeps of it where attributes are not
  /// preserved, to be applied before for_new(): all that a sync could carry, but capabilities, which a write ends too.
  Result<MetadataChange> kept_of(const std::string& path) const;
  /// What differs between what stands there and what shall.
  MetadataChange for_live(const FileStat& now, const Name& xattrs_now, const Entry& desired) const;

  /// `fd`: the inode, O_PATH is enough. What rights or the file system do not allow is left out silently, and
  /// setuid with an owner that could not be set: the caller looks at what stuck. Other failures (no space) are errors.
  Status apply(int fd, Kind kind, const MetadataChange& change) const;

 private:
  uint32_t wanted_mode(const Entry& desired) const;
  void wanted_owner(const Entry& desired, MetadataChange& change) const;

  MetadataOptions options_;
  OwnerNames* owners_;
  uint32_t euid_;
  uint32_t egid_;
};

}  // namespace twsync
