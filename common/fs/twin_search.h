#pragma once
// Finds out whether a file that is to be sent is on the target already, under another name (Batch::twins).

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/hasher.h"
#include "common/fs/dir_handle.h"
#include "common/fs/file_stat.h"
#include "common/wire/apply_messages.h"

namespace twsync {

struct FoundTwin {
  struct Extent {
    uint64_t offset = 0;
    uint64_t size = 0;
    bool hole = false;
  };
  uint32_t number = 0;  ///< in Batch::twins, counted from 1
  Digest digest;        ///< of the source, which had it while it stood as `stat` says
  std::vector<Extent> extents;
};

/// One thread. `root` (of the source's side) and `hasher` outlive it.
class TwinSearch {
 public:
  TwinSearch(const RootDir& root, Hasher& hasher) : root_(root), hasher_(hasher) {}

  void begin(const Batch& batch);
  /// The file at `path` was sent with this content: from here on it may be the twin of a later one of the batch.
  void sent(const std::string& path, const Digest& digest);
  /// Reads the open source whole only where a twin is likely: those that stand on this side too are looked at in a few
  /// places first. nullopt: none has this content, or the source was changed meanwhile.
  std::optional<FoundTwin> find(const Batch& batch, uint32_t op, int fd, const FileStat& stat);

 private:
  bool is_ruled_out(const std::string& path, int fd, const FileStat& stat);
  Digest digest_of(const Twin& twin) const;

  const RootDir& root_;
  Hasher& hasher_;
  std::unordered_map<std::string, Digest> in_batch_;  ///< twins that the batch itself puts; unknown until they are sent
};

}  // namespace twsync
