#pragma once
// <root>/.twsync/<pair-id>/chunks/: the chunks of contents that both servers hold, by digest, so that the next edit of
// a large file travels as a difference without anyone reading the old version for it (FORMAT: chunk_store.cc).
// A cache: it may be gone, old or wrong. A difference made by a wrong list gives another digest; the file then travels
// whole, because a list is used once.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/fs/chunker.h"
#include "common/fs/unique_fd.h"

namespace twsync {

/// Any number of these, in any process, may share the directory; each belongs to one thread. Nothing here fails: what
/// can't be kept isn't kept. Crash: a torn list doesn't fit its own checksum.
class ChunkStore {
 public:
  /// `directory`: StateDir::chunks(); -1 = nothing is kept.
  explicit ChunkStore(int directory);

  /// The list of that content, which is no longer here afterwards.
  std::optional<ChunkList> take(const Digest& content);
  void put(const Digest& content, const ChunkList& list);
  /// A content that no longer stands on both.
  void drop(const Digest& content);

 private:
  void make_room();

  UniqueFd directory_;
  uint64_t written_ = UINT64_MAX;  // since make_room()
};

/// u64 offset, u32 size, u64 high, u64 low.
void put_chunk(std::string& out, const Chunk& chunk);
/// REQUIRES: 28 bytes are there.
Chunk take_chunk(std::string_view& bytes);

std::string format_chunks(const ChunkList& list);
std::optional<ChunkList> parse_chunks(std::string_view bytes);

}  // namespace twsync
