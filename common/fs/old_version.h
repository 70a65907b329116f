#pragma once
// The version that an operation will displace, as the source of what the new one has in common with it.

#include <memory>
#include <string_view>
#include <vector>

#include "common/fs/dir_handle.h"
#include "common/model/plan.h"

namespace twsync {

/// One thread.
class OldVersion {
 public:
  /// stale unless what stands at the operation's path looks as it expects: nothing else may be built upon. What is
  /// written into it later the new version's digest shows.
  static Result<std::unique_ptr<OldVersion>> open(const RootDir& root, const Operation& op);
  /// 1 to `most` bytes at `offset`, valid until the next call; stale at the end of the file.
  Result<std::string_view> read(uint64_t offset, uint64_t most);

 private:
  explicit OldVersion(UniqueFd fd);
  UniqueFd fd_;
  std::vector<char> buffer_;
};

}  // namespace twsync
