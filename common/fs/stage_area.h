#pragma once
// <pair>/stage/<session>/: where new entries stand before they are swapped in. Each applier has a session directory of
// its own, held by a flock, so that several processes can apply to one root and clean up after a dead one.
//
// A named entry's name is its own inode number (and a serial number for more names of one inode). After an exchange the
// same name holds what was displaced, whose inode number is another: so a crash at any moment leaves it clear which
// entries are ours (removed at the next start) and which are somebody's data (moved to the version store).

#include <atomic>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/file_stat.h"
#include "common/fs/state_dir.h"
#include "common/fs/unique_fd.h"
#include "common/fs/version_store.h"

namespace twsync {

/// Something staged. Dropping it leaves a named entry for the next start's cleaning; see StageArea::discard().
struct Staged {
  Kind kind = Kind::none;
  UniqueFd fd;  ///< file, unless it was closed to save descriptors
  uint64_t inode = 0;
  bool named = false;   ///< stands in the stage under name()
  uint64_t serial = 0;  ///< of a further name of a file that may have other names in the stage
  std::string name() const;
};

/// Whether an entry of this inode that stands in a stage under `name` was staged there.
bool is_staged_name(std::string_view name, uint64_t inode);

/// Any thread.
class StageArea {
 public:
  /// Cleans up after dead sessions, then makes an own one. `tmpfile` = false: as on a file system without O_TMPFILE.
  static Result<std::unique_ptr<StageArea>> open(const StateDir& state, VersionStore& store, bool tmpfile = true);
  ~StageArea();

  int fd() const { return dir_.get(); }
  Result<Staged> create_file();
  Result<Staged> make_symlink(const std::string& target);
  Result<Staged> make_directory();  ///< mode 0700
  /// One more name of the open file (O_PATH is enough). Fails as the file system does: EMLINK, EPERM, EXDEV, …
  Result<Staged> make_link(int fd);
  /// A copy of a file open for reading, `stat` being its own, with its metadata; durable.
  Result<Staged> make_copy(int fd, const FileStat& stat);
  /// The open file `staged`, which stands as `name` below `dir_fd`, is moved here.
  Status take_in(int dir_fd, const std::string& name, Staged& staged);
  /// Gives a file its name in the stage.
  Status give_name(Staged& staged);
  /// Links the open file as `name` below `dir_fd`; exists when something stands there.
  Status link_into(const Staged& staged, int dir_fd, const char* name);
  /// Removes the named entry if it is still ours.
  void discard(Staged& staged);

 private:
  StageArea() = default;
  Result<Staged> adopt(const std::string& temporary, Kind kind);
  Status link_fd(int fd, int dir_fd, const char* name);

  int stage_fd_ = -1;
  std::string session_;
  UniqueFd dir_;
  std::atomic<bool> tmpfile_{true};
  std::atomic<bool> link_by_fd_{true};  // AT_EMPTY_PATH; else through /proc
  std::atomic<uint64_t> serial_{0};
};

}  // namespace twsync
