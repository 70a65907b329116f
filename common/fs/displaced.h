#pragma once
// Into the version store with what was displaced, so that what lies there stays as it was displaced.

#include <string>
#include <vector>

#include "common/base/hasher.h"
#include "common/fs/file_stat.h"
#include "common/fs/version_store.h"

namespace twsync {

/// Whether the file `name` below `dir_fd`, which looked like `stat` a while ago, has more names now.
bool has_other_names(int dir_fd, const std::string& name, const FileStat& stat);

/// One thread at a time. `store` is borrowed.
class DisplacedKeeper {
 public:
  DisplacedKeeper(VersionStore& store, const HashKey& key) : store_(store), hasher_(key) {}

  /// `name` below `dir_fd` (the stage, or the store itself when it is `record.id` there already) becomes the version
  /// `record.id`, which is reserved durably. `stat`: of it.
  /// - A file with more names is stored as a copy: a write through another name must not change it. no_space when
  ///   there is no room for one.
  /// - A file that a program has open for writing, or of which nobody can tell (open_writers.h), is stored as a copy
  ///   too, however large, and itself as one more version, which the second look (version_care.h) drops or keeps.
  ///   There is no copy where the room within the reserve does not last (space.h) and the file system shares no
  ///   blocks, nor of what is not for us to read: then the second look still finds the write, but the content before
  ///   it is gone.
  /// Error: `name` is still where it was.
  Status keep(int dir_fd, const std::string& name, const FileStat& stat, const VersionRecord& record);
  /// A directory is gone; `stat` is what it was at last.
  void removed_directory(VersionRecord record, const FileStat& stat);
  /// Appends what was kept since the last call to the index (VersionStore::settle).
  Status settle();

 private:
  Status keep_linked(int dir_fd, const std::string& name, const VersionRecord& record);
  bool keep_both(int dir_fd, const std::string& name, const FileStat& stat, const VersionRecord& record);
  bool is_expected(const std::string& copy, const VersionRecord& record);
  Status move_in(int dir_fd, const std::string& name, const std::string& id);
  void note(const std::string& id);

  VersionStore& store_;
  Hasher hasher_;
  std::vector<SettledVersion> settled_;
  std::vector<VersionRecord> directories_;
};

}  // namespace twsync
