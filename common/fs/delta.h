#pragma once
// Sending a file as a difference to the version that stands on the other server.

#include <optional>
#include <span>
#include <unordered_map>

#include "common/fs/chunker.h"

namespace twsync {

/// The chunks of the old version, by content.
class OldChunks {
 public:
  explicit OldChunks(ChunkList list);
  uint32_t average() const { return list_.average; }
  /// Where the old version has these bytes; of several places the one behind the last that was found, so that runs stay
  /// runs.
  std::optional<uint64_t> find(const Chunk& chunk);
  /// Those that cover exactly `size` bytes from `offset` on; empty when none do.
  std::span<const Chunk> covering(uint64_t offset, uint64_t size) const;

 private:
  ChunkList list_;
  std::unordered_map<uint64_t, size_t> by_content_;  // low half of the digest -> its first chunk
  size_t next_ = 0;
};

/// Bytes that are the same in the old version.
struct CopyRun {
  uint64_t offset = 0;  ///< in the old version
  uint64_t size = 0;
  /// Takes the bytes at `from` on, when they follow.
  bool extend(uint64_t from, uint64_t count) {
    if (size != 0 && offset + size != from) return false;
    if (size == 0) offset = from;
    size += count;
    return true;
  }
};

}  // namespace twsync
