#pragma once
// What may be large travels in several frames of bounded size. Pure.

#include <functional>
#include <vector>

#include "common/wire/agent_messages.h"

namespace twsync {

constexpr size_t kListChunkBytes = 256U << 10U;
constexpr size_t kMaxResultsFrame = 4U << 20U;
constexpr size_t kNotesBytes = 1U << 20U;

/// An upper bound of what an entry encodes to.
size_t entry_bound(const Entry& entry);
inline size_t entry_bound(const PathEntry& entry) {
  return entry.path.size() + 8 + entry_bound(entry.entry);
}

/// The same results in pieces that encode to at most `limit` bytes (a single result may exceed it); only the last
/// piece keeps `last` and carries wire_bytes. At least one piece.
std::vector<BatchResult> split_results(BatchResult result, size_t limit = kMaxResultsFrame);

/// The same notes in pieces of about `limit` bytes; only the last carries `error` and `started_ns`. At least one piece.
std::vector<ListEnd> split_notes(ListEnd notes, size_t limit = kNotesBytes);

/// Collects entries into chunks of about kListChunkBytes. `out` gets each when it is full, and the rest at flush().
class ListChunker {
 public:
  using Out = std::function<Status(const ListChunk&)>;
  explicit ListChunker(Out out) : out_(std::move(out)) {}
  Status add(std::vector<PathEntry>&& entries);
  Status add_known(uint32_t number);
  Status flush();

 private:
  Out out_;
  ListChunk chunk_;
  size_t bytes_ = 0;
};

}  // namespace twsync
