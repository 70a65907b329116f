#include "common/fs/chunk_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/fs/file_io.h"
#include "common/fs/file_stat.h"
#include "common/fs/le_numbers.h"

namespace twsync {

namespace {

// "twchunk1", u32 average, u64 count, count x (u64 offset, u32 size, u64 high, u64 low), u64 stable_hash64 of all
// before; little-endian.
constexpr std::string_view kMagic = "twchunk1";
constexpr size_t kChunkBytes = 28;
constexpr size_t kFrameBytes = 8 + 4 + 8 + 8;
constexpr size_t kListLimit = 64U << 20U;
constexpr uint64_t kStoreLimit = 256U << 20U;
constexpr uint64_t kLookEvery = 32U << 20U;

struct Kept {
  std::string name;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
};

std::vector<Kept> kept_in(int directory) {
  std::vector<Kept> out;
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* listing = copy < 0 ? nullptr : ::fdopendir(copy);
  if (listing == nullptr) return out;
  while (const dirent* entry = ::readdir(listing)) {
    FileStat stat;
    if (stat_at(directory, entry->d_name, stat) == 0 && stat.kind == Kind::file)
      out.push_back({entry->d_name, stat.size, stat.mtime_ns});
  }
  ::closedir(listing);
  return out;
}

}  // namespace

void put_chunk(std::string& out, const Chunk& chunk) {
  put_number(out, chunk.offset);
  put_number(out, chunk.size);
  put_number(out, chunk.high);
  put_number(out, chunk.low);
}

Chunk take_chunk(std::string_view& bytes) {
  Chunk chunk;
  chunk.offset = take_number<uint64_t>(bytes);
  chunk.size = take_number<uint32_t>(bytes);
  chunk.high = take_number<uint64_t>(bytes);
  chunk.low = take_number<uint64_t>(bytes);
  return chunk;
}

std::string format_chunks(const ChunkList& list) {
  std::string out(kMagic);
  out.reserve(kFrameBytes + list.chunks.size() * kChunkBytes);
  put_number(out, list.average);
  put_number(out, uint64_t{list.chunks.size()});
  for (const Chunk& chunk : list.chunks) put_chunk(out, chunk);
  put_number(out, stable_hash64(out));
  return out;
}

std::optional<ChunkList> parse_chunks(std::string_view bytes) {
  if (bytes.size() < kFrameBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  std::string_view check = bytes.substr(bytes.size() - 8);
  if (take_number<uint64_t>(check) != stable_hash64(bytes.substr(0, bytes.size() - 8))) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  ChunkList list;
  list.average = take_number<uint32_t>(bytes);
  const auto count = take_number<uint64_t>(bytes);
  if (count != (bytes.size() - 8) / kChunkBytes || bytes.size() != count * kChunkBytes + 8) return std::nullopt;
  if (list.average < 1024 || list.average > (64U << 20U)) return std::nullopt;
  list.chunks.resize(count);
  for (Chunk& chunk : list.chunks) chunk = take_chunk(bytes);
  return list;
}

ChunkStore::ChunkStore(int directory) : directory_(directory < 0 ? -1 : ::fcntl(directory, F_DUPFD_CLOEXEC, 0)) {}

std::optional<ChunkList> ChunkStore::take(const Digest& content) {
  if (!directory_ || !content.known()) return std::nullopt;
  const std::string name = to_string(content);
  const auto bytes = read_file_at(directory_.get(), name.c_str(), kListLimit);
  if (!bytes) return std::nullopt;
  ::unlinkat(directory_.get(), name.c_str(), 0);
  return parse_chunks(*bytes);
}

void ChunkStore::put(const Digest& content, const ChunkList& list) {
  if (!directory_ || !content.known() || list.chunks.empty()) return;
  if (list.chunks.size() * kChunkBytes > kListLimit - kFrameBytes) return;
  const std::string bytes = format_chunks(list);
  if (written_ > kLookEvery) make_room();
  const std::string name = to_string(content);
  const std::string aside = str(name, ".", ::getpid());
  bool whole = false;
  {
    const UniqueFd fd(
        ::openat(directory_.get(), aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return;
    whole = write_all(fd.get(), bytes).ok();
  }
  if (whole) whole = ::renameat(directory_.get(), aside.c_str(), directory_.get(), name.c_str()) == 0;
  if (!whole) ::unlinkat(directory_.get(), aside.c_str(), 0);
  written_ += bytes.size();
}

void ChunkStore::drop(const Digest& content) {
  if (directory_ && content.known()) ::unlinkat(directory_.get(), to_string(content).c_str(), 0);
}

/// The oldest go first: their contents were replaced long ago, or are never edited.
void ChunkStore::make_room() {
  written_ = 0;
  auto kept = kept_in(directory_.get());
  uint64_t total = 0;
  for (const Kept& one : kept) total += one.size;
  std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.mtime_ns < b.mtime_ns; });
  for (const Kept& one : kept) {
    if (total <= kStoreLimit) return;
    if (::unlinkat(directory_.get(), one.name.c_str(), 0) == 0) total -= one.size;
  }
}

}  // namespace twsync
