#pragma once
// Content-defined chunks of large files: where one ends depends on the bytes before the cut alone, so that an insertion
// leaves the chunks around it as they were (gear hash with normalised sizes, as in FastCDC, Xia et al., USENIX ATC
// 2016). Pure.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hasher.h"
#include "common/base/result.h"

namespace twsync {

constexpr uint64_t kChunkedFrom = 1U << 20U;  ///< bytes; smaller files always travel whole

/// Chunks of this size on average suit a file of `size` bytes: a power of two, 64 KiB to 1 MiB.
uint32_t chunk_average(uint64_t size);

struct Chunk {
  uint64_t offset = 0;
  uint32_t size = 0;
  uint64_t high = 0, low = 0;  ///< keyed digest of its bytes
  bool same_content(const Chunk& other) const { return size == other.size && high == other.high && low == other.low; }
};

/// Of one content; what no chunk covers is holes.
struct ChunkList {
  uint32_t average = 0;
  std::vector<Chunk> chunks;  ///< by offset
};

/// Cuts one content after the other. Not thread-safe.
class Chunker {
 public:
  using Sink = std::function<Status(const Chunk& chunk, std::string_view bytes)>;
  explicit Chunker(const HashKey& key) : hasher_(key) {}

  /// The chunk that most likely begins here, or nullptr. Looked at before the next call.
  using Guess = std::function<const Chunk*()>;

  /// A new content begins; chunks of the last one are forgotten. `guess` (may be empty) is asked where each chunk
  /// begins: one that is right costs a digest alone and need not be cut.
  void begin(uint32_t average, Guess guess = {});
  /// Its next bytes; complete chunks go to `sink`. An error of the sink ends the feed.
  Status feed(std::string_view bytes, const Sink& sink);
  /// The next bytes are chunks that another list knows: they need not be cut and hashed again.
  Status take_over(const Chunk* first, size_t count, const Sink& sink);
  /// The next bytes are a hole.
  Status skip(uint64_t zeros, const Sink& sink);
  /// The end: the last chunk goes to `sink`.
  Status end(const Sink& sink);
  /// All chunks so far.
  ChunkList take_list();

 private:
  Status feed_piece(std::string_view& bytes, const Sink& sink);
  Status feed_guessed(std::string_view& bytes, const Sink& sink);
  Status give_up_guess(const Sink& sink);
  Status cut(const Sink& sink);
  Chunk open_chunk();
  Status add(const Chunk& chunk, const Sink& sink);

  Hasher hasher_;
  ChunkList list_;
  uint32_t smallest_ = 0, largest_ = 0;
  uint64_t before_average_ = 0, after_average_ = 0;  // masks of the gear hash: a cut is where none of their bits is set
  uint64_t gear_ = 0;
  uint64_t offset_ = 0;  // where `open_` begins
  std::string open_;     // the chunk under way
  Guess guess_;
  Chunk guessed_;  // with a size: `open_` may be this one
};

}  // namespace twsync
