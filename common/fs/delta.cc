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
    if (found == by_content_.end() || !list_.chunks[found->second].same_content(chunk)) return std::nullopt;
    at = found->second;
  }
  next_ = at + 1;
  return list_.chunks[at].offset;
}

std::span<const Chunk> OldChunks::covering(uint64_t offset, uint64_t size) const {
  const auto first = std::lower_bound(list_.chunks.begin(), list_.chunks.end(), offset,
                                      [](const Chunk& chunk, uint64_t at) { return chunk.offset < at; });
  auto last = first;
  uint64_t end = offset;
  for (; last != list_.chunks.end() && last->offset == end && end - offset < size; ++last) end += last->size;
  if (end - offset != size) return {};
  return {first, last};
}

}  // namespace twsync
