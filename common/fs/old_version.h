#pragma once
// What stands on the target already, as the source of what a new version has in common with it.

#include <memory>
#include <string_view>

#include "common/fs/dir_handle.h"
#include "common/fs/stage_area.h"
#include "common/model/plan.h"

namespace twsync {

/// One thread.
class OldVersion {
 public:
  /// stale unless what stands at the operation's path looks as it expects: nothing else may be built upon. What is
  /// written into it later the new version's digest shows.
  static Result<std::unique_ptr<OldVersion>> open(const RootDir& root, const Operation& op);
  /// Any regular file of the tree: what it holds the new version's digest shows. stale when there is none.
  static Result<std::unique_ptr<OldVersion>> open_twin(const RootDir& root, const std::string& path);
  /// The same of a file that is staged, but not in its place yet.
  static Result<std::unique_ptr<OldVersion>> open_staged(const StageArea& stage, const Staged& staged);
  /// 1 to `most` bytes at `offset`, valid until the next call; stale at the end of the file.
  Result<std::string_view> read(uint64_t offset, uint64_t most) { return read_of(fd_.get(), offset, most); }
  /// The same into `out`: how many they were.
  Result<size_t> read_into(char* out, uint64_t offset, size_t most) const;
  /// The same of another file.
  Result<std::string_view> read_of(int fd, uint64_t offset, uint64_t most);
  /// Puts `size` bytes from `offset` on at the same place of the file `to`, by blocks that both share: false where that
  /// cannot be, and nothing was done.
  bool share(uint64_t offset, uint64_t size, int to) const;

 private:
  explicit OldVersion(UniqueFd fd);
  UniqueFd fd_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace twsync
