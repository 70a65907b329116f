#pragma once
// Sending a file as a difference to the version that stands on the other server.

#include <optional>
#include <span>
#include <unordered_map>

#include "common/fs/chunker.h"

namespace twsync {

/// Those of `chunks` (by offset) that cover exactly `size` bytes from `offset` on; empty when none do.
std::span<const Chunk> chunks_covering(const std::vector<Chunk>& chunks, uint64_t offset, uint64_t size);

/// The chunks of the old version, by content.
class OldChunks {
 public:
  explicit OldChunks(ChunkList list);
  uint32_t average() const { return list_.average; }
  /// The new version begins, perhaps once more.
  void rewind() {
    next_ = 0;
    lost_ = false;
  }
  /// Where the old version has these bytes; of several places the one behind the last that was found, so that runs stay
  /// runs.
  std::optional<uint64_t> find(const Chunk& chunk);
  /// The one behind the last that was found, at the beginning the first; nullptr after one that was not found.
  const Chunk* next() const { return lost_ || next_ == list_.chunks.size() ? nullptr : &list_.chunks[next_]; }
  /// Those that cover exactly `size` bytes from `offset` on; empty when none do.
  std::span<const Chunk> covering(uint64_t offset, uint64_t size) const {
    return chunks_covering(list_.chunks, offset, size);
  }
  const ChunkList& list() const { return list_; }

 private:
  ChunkList list_;
  std::unordered_map<uint64_t, size_t> by_content_;  // low half of the digest -> its first chunk
  size_t next_ = 0;
  bool lost_ = false;
};

/// What arrived of a content whose transfer was cut, as the receiver says: a chunk is taken for it only where it stands
/// at the very same place.
class ArrivedChunks {
 public:
  explicit ArrivedChunks(ChunkList list);
  bool has(const Chunk& chunk) const;

 private:
  std::vector<Chunk> chunks_;  // by offset
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
