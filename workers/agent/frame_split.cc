#include "workers/agent/frame_split.h"

#include <utility>

namespace twsync {
namespace {

constexpr size_t kEntryFixed = 160;  // every number at its longest, with the array heads
constexpr size_t kMessageFixed = 64;

size_t result_bound(const OpResult& one) {
  return kMessageFixed + one.message.size() + one.version.size() + entry_bound(one.target) + entry_bound(one.source);
}

size_t note_bound(const Error& error) {
  return kMessageFixed + error.message.size() + error.path.size();
}
size_t note_bound(const std::string& path) {
  return 8 + path.size();
}

/// Moves `notes` into pieces.back().*list, starting a new piece whenever `limit` is reached.
template <class T>
void spread(std::vector<T>&& notes, std::vector<T> ListEnd::*list, size_t limit, std::vector<ListEnd>& pieces,
            size_t& bytes) {
  for (T& note : notes) {
    const size_t more = note_bound(note);
    if (bytes > 0 && bytes + more > limit) {
      pieces.emplace_back();
      bytes = 0;
    }
    bytes += more;
    (pieces.back().*list).push_back(std::move(note));
  }
}

}  // namespace

size_t entry_bound(const Entry& entry) {
  return kEntryFixed + entry.owner.str().size() + entry.group.str().size() + entry.xattrs.str().size() +
         entry.target.size();
}

std::vector<BatchResult> split_results(BatchResult result, size_t limit) {
  std::vector<BatchResult> pieces;
  BatchResult piece;
  size_t bytes = kMessageFixed;
  for (OpResult& one : result.results) {
    const size_t more = result_bound(one);
    if (!piece.results.empty() && bytes + more > limit) {
      piece.batch = result.batch;
      piece.last = false;
      pieces.push_back(std::exchange(piece, {}));
      bytes = kMessageFixed;
    }
    bytes += more;
    piece.results.push_back(std::move(one));
  }
  piece.batch = result.batch;
  piece.last = result.last;
  piece.wire_bytes = result.wire_bytes;
  pieces.push_back(std::move(piece));
  return pieces;
}

std::vector<ListEnd> split_notes(ListEnd notes, size_t limit) {
  std::vector<ListEnd> pieces(1);
  size_t bytes = 0;
  spread(std::move(notes.unreadable), &ListEnd::unreadable, limit, pieces, bytes);
  spread(std::move(notes.ignored), &ListEnd::ignored, limit, pieces, bytes);
  pieces.back().error = std::move(notes.error);
  pieces.back().started_ns = notes.started_ns;
  return pieces;
}

Status ListChunker::add(std::vector<PathEntry>&& entries) {
  for (PathEntry& entry : entries) {
    bytes_ += entry_bound(entry);
    chunk_.entries.push_back(std::move(entry));
    if (bytes_ >= kListChunkBytes) SYNC_TRY(flush());
  }
  return {};
}

Status ListChunker::add_known(uint32_t number) {
  if (!chunk_.entries.empty()) SYNC_TRY(flush());
  bytes_ += sizeof number;
  chunk_.known.push_back(number);
  return bytes_ < kListChunkBytes ? Status{} : flush();
}

Status ListChunker::flush() {
  if (chunk_.entries.empty() && chunk_.known.empty()) return {};
  const Status out = out_(chunk_);
  chunk_.entries.clear();
  chunk_.known.clear();
  bytes_ = 0;
  return out;
}

}  // namespace twsync
