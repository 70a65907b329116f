#pragma once
// Compare and swap (I7): nothing is replaced or removed unless it is what the plan expected, without a window between
// look and act. What is displaced goes to the version store; what came out unexpectedly goes back, or, when somebody
// wrote once more meanwhile, to the version store as `foreign`.

#include <optional>
#include <string>

#include "common/fs/displaced.h"
#include "common/fs/expectation.h"
#include "common/fs/stage_area.h"
#include "common/fs/version_store.h"

namespace twsync {

/// One path that is about to be replaced or removed.
struct Displacement {
  const Operation* op = nullptr;
  int parent = -1;   ///< O_PATH
  std::string name;  ///< last name of op->path
  uint64_t epoch = 0;
  uint64_t cycle = 0;
  int64_t scanned_ns = 0;
  int64_t reserved_ns = 0;
  std::string version;  ///< in: the id reserved (durably) for what is expected. out: the id that holds something, or ""
  FileStat staged;      ///< what was put there, before
  FileStat out;         ///< what came out
  std::optional<FileStat> left;  ///< out: the displaced file, if it has other names and nobody else changed it
};

/// One thread at a time. Everything is borrowed.
class Swapper {
 public:
  Swapper(StageArea& stage, VersionStore& store, const HashKey& key)
      : stage_(stage), store_(store), keeper_(store, key), expectation_(key) {}

  /// Where nothing stands. stale when something does.
  Status place_new(Staged& staged, int parent, const std::string& name);
  /// Over an expected file, symlink or empty directory. stale when it was something else; exists when the directory was
  /// not empty. When what came out cannot be kept (no space), it goes back and that is the error.
  Status replace(Staged& staged, Displacement& what);
  /// Out of the tree into the version store. stale when it was not the expected file or symlink; when it cannot be kept
  /// there as it has to be, it goes back and that is the error.
  Status take_out(Displacement& what);

  // For what goes together or not at all, in steps: after swap_in() what was displaced stands under the staged name,
  // until keep() or swap_back().

  /// Fails like replace(), and then nothing was changed. unsupported: without exchange there is no way back.
  Status swap_in(Staged& staged, Displacement& what);
  /// Ends a replacement. When what came out cannot be kept, it goes back and that is the error.
  Status keep(Staged& staged, Displacement& what);
  Status swap_back(Staged& staged, Displacement& what);
  /// Takes out of the tree what place_new() placed (`what.staged`). A change that somebody made of it is kept.
  Status take_back(Staged& staged, Displacement& what);
  /// Back into the tree with what take_out() took out.
  Status give_back(Displacement& what);

  /// A directory that was expected is gone from the tree, as `stat` was: its version is its line.
  void removed_directory(const Displacement& what, const FileStat& stat, Displaced how);
  /// Writes down what came into the version store since the last call.
  Status settle() { return keeper_.settle(); }

 private:
  Status put_back(Staged& staged, Displacement& what, Error why);
  Status keep_file(const std::string& staged_name, Displacement& what);
  Status give_back(const FileStat& out, Displacement& what, Error why);
  Status keep_foreign(int dir_fd, const std::string& name, Displacement& what);
  Status replace_without_exchange(Staged& staged, const FileStat& before, Displacement& what);
  Status link_then_replace(Staged& staged, const FileStat& before, Displacement& what);

  StageArea& stage_;
  VersionStore& store_;
  DisplacedKeeper keeper_;
  Expectation expectation_;
};

}  // namespace twsync
