#include "common/fs/delta.h"

#include <algorithm>

namespace twsync {

OldChunks::OldChunks(ChunkList list) : list_(std::move(list)) {
  by_content_.reserve(list_.chunks.size());
  for (size_t i = 0; i < list_.chunks.size(); ++i) by_content_.emplace(list_.chunks[i].low, i);
}

std::optional<uint64_t> OldChunks::find(const Chunk& chunk) {
  size_t at = next_;
  if (at >= list_.chunks.size() || !list_.chunks[at].same_content(chunk)) {
    const auto found = by_content_.find(chunk.low);
    lost_ = found == by_content_.end() || !list_.chunks[found->second].same_content(chunk);
    if (lost_) return std::nullopt;
    at = found->second;
  }
  next_ = at + 1;
  lost_ = false;
  return list_.chunks[at].offset;
}

ArrivedChunks::ArrivedChunks(ChunkList list) : chunks_(std::move(list.chunks)) {
  std::sort(chunks_.begin(), chunks_.end(), [](const Chunk& a, const Chunk& b) { return a.offset < b.offset; });
}

bool ArrivedChunks::has(const Chunk& chunk) const {
  const auto found = std::lower_bound(chunks_.begin(), chunks_.end(), chunk.offset,
                                      [](const Chunk& one, uint64_t at) { return one.offset < at; });
  return found != chunks_.end() && found->offset == chunk.offset && found->same_content(chunk);
}

std::span<const Chunk> chunks_covering(const std::vector<Chunk>& chunks, uint64_t offset, uint64_t size) {
  const auto first = std::lower_bound(chunks.begin(), chunks.end(), offset,
                                      [](const Chunk& chunk, uint64_t at) { return chunk.offset < at; });
  auto last = first;
  uint64_t end = offset;
  for (; last != chunks.end() && last->offset == end && end - offset < size; ++last) end += last->size;
  if (end - offset != size) return {};
  return {first, last};
}

}  // namespace twsync
