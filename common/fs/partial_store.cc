#include "common/fs/partial_store.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/fs/chunk_store.h"
#include "common/fs/delta.h"
#include "common/fs/file_io.h"
#include "common/fs/le_numbers.h"
#include "common/fs/remove_tree.h"
#include "common/fs/write_behind.h"

namespace twsync {

namespace {

// <name>: the bytes; <name> = keyed digest of the path, in hex. <name>.list: "twpart01", u64 stable_hash64 of that and
// the name; then for each chunk u64 offset, u32 size, u64 high, u64 low, u64 stable_hash64 of these; little-endian. A
// later entry overrides what it overlaps; both halves of the digest 0: those bytes are not there any more.
constexpr std::string_view kMagic = "twpart01";
constexpr size_t kHeadBytes = 16;
constexpr size_t kEntryBytes = 36;
constexpr std::string_view kListEnd = ".list";
constexpr uint64_t kListLimit = 16U << 20U;
constexpr uint32_t kLargestChunk = 4U << 20U;
constexpr int64_t kKeptForNs = 24 * 3600 * kSecond;
constexpr int kTries = 4;
constexpr size_t kMostAnnounced = (4U << 20U) / 28;  // chunks, in a message of 4 MiB

/// What a later entry covers is no longer as an earlier one says.
void cover(std::map<uint64_t, Chunk>& chunks, const Chunk& with) {
  auto at = chunks.lower_bound(with.offset);
  if (at != chunks.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second.size > with.offset) chunks.erase(before);
  }
  while (at != chunks.end() && at->first < with.offset + with.size) at = chunks.erase(at);
  if (with.high != 0 || with.low != 0) chunks.emplace(with.offset, with);
}

std::optional<Chunk> take_entry(std::string_view entry) {
  std::string_view check = entry.substr(kEntryBytes - 8, 8);
  if (take_number<uint64_t>(check) != stable_hash64(entry.substr(0, kEntryBytes - 8))) return std::nullopt;
  const Chunk chunk = take_chunk(entry);
  if (chunk.size == 0 || chunk.size > kLargestChunk || chunk.offset > UINT64_MAX / 2) return std::nullopt;
  return chunk;
}

std::string list_name(const std::string& name) {
  return str(name, kListEnd);
}

void clip(std::vector<Chunk>& chunks, uint64_t size) {
  std::erase_if(chunks, [size](const Chunk& chunk) { return chunk.offset + chunk.size > size; });
}

/// A regular file of ours alone, locked; busy while somebody else has it.
Result<UniqueFd> open_locked(int directory, const std::string& name, int flags, FileStat& stat) {
  for (int tries = 0; tries < kTries; ++tries) {
    UniqueFd fd(::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    if (!fd) return error_from_errno(errno, "cannot open what arrived");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
      return Error{ErrorCode::busy, "another session receives that file", {}, errno};
    FileStat named;
    if (stat_fd(fd.get(), stat) != 0 || stat_at(directory, name.c_str(), named) != 0 || stat.inode != named.inode)
      continue;  // moved or removed by who had it
    if (stat.kind == Kind::file && stat.links == 1) return fd;
    return Error{ErrorCode::corrupt, "what stands there is no file of ours", name, 0};
  }
  return Error{ErrorCode::busy, "another session receives that file", {}, 0};
}

std::string read_list(int fd) {
  FileStat stat;
  if (stat_fd(fd, stat) != 0 || stat.kind != Kind::file) return {};
  std::string bytes(static_cast<size_t>(std::min(stat.size, kListLimit)), '\0');
  const auto got = read_full(fd, bytes.data(), bytes.size());
  bytes.resize(got ? *got : 0);
  return bytes;
}

}  // namespace

std::string format_partial_head(std::string_view name) {
  std::string head(kMagic);
  put_number(head, stable_hash64(str(kMagic, name)));
  return head;
}

std::string format_partial_entry(const Chunk& chunk) {
  std::string entry;
  put_chunk(entry, chunk);
  put_number(entry, stable_hash64(entry));
  return entry;
}

std::optional<ChunkList> parse_partial(std::string_view bytes, std::string_view name, size_t* good) {
  if (!bytes.starts_with(format_partial_head(name))) return std::nullopt;
  size_t at = kHeadBytes;
  std::map<uint64_t, Chunk> chunks;
  for (; bytes.size() - at >= kEntryBytes; at += kEntryBytes) {
    const auto chunk = take_entry(bytes.substr(at, kEntryBytes));
    if (!chunk) break;
    cover(chunks, *chunk);
  }
  if (good != nullptr) *good = at;
  ChunkList list;
  list.chunks.reserve(chunks.size());
  for (const auto& [offset, chunk] : chunks) list.chunks.push_back(chunk);
  return list;
}

// Nothing listed: nothing to go on with.
PartialFile::~PartialFile() {
  if (list_ && list_size_ == kHeadBytes) drop();
}

void PartialFile::add(const Chunk& chunk) {
  added_.push_back(chunk);
  const uint64_t end = chunk.offset + chunk.size;
  for (; added_.front().offset + added_.front().size + WriteBehind::kMostBehind <= end; added_.pop_front())
    list(added_.front());
}

void PartialFile::settle() {
  for (const Chunk& chunk : added_) list(chunk);
  added_.clear();
}

void PartialFile::list(const Chunk& chunk) {
  if (!list_ || list_size_ + kEntryBytes > kListLimit) return;
  if (!write_all(list_.get(), format_partial_entry(chunk)).ok()) list_.reset();  // from here on it isn't known
  list_size_ += kEntryBytes;
}

std::span<const Chunk> PartialFile::listed(uint64_t offset, uint64_t size) const {
  return chunks_covering(chunks_, offset, size);
}

bool PartialFile::read_back(const Chunk& chunk, std::string_view& bytes) {
  buffer_.resize(chunk.size);
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t got =
        ::pread(data_.get(), buffer_.data() + done, buffer_.size() - done, static_cast<off_t>(chunk.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  bytes = buffer_;
  if (done == buffer_.size()) {
    const Digest digest = hasher_.hash(buffer_);
    if (digest.high == chunk.high && digest.low == chunk.low) return true;
  }
  list({chunk.offset, chunk.size, 0, 0});
  return false;
}

Status PartialFile::make_hole(uint64_t offset, uint64_t size) {
  if (offset >= size_) return {};
  const auto length = static_cast<off_t>(std::min(size, size_ - offset));
  if (::fallocate(data_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), length) == 0)
    return {};
  return Error{ErrorCode::stale, "what arrived before cannot be gone on with here; it is sent anew", {}, errno};
}

Status PartialFile::move_to(StageArea& stage, Staged& staged) {
  // The list first: whoever opens the name afterwards begins a list of its own.
  ::unlinkat(directory_, list_name(name_).c_str(), 0);
  list_.reset();
  SYNC_TRY(stage.take_in(directory_, name_, staged));
  (void)::flock(data_.get(), LOCK_UN);  // soon it is the user's
  return {};
}

void PartialFile::drop() {
  ::unlinkat(directory_, list_name(name_).c_str(), 0);
  list_.reset();
  ::unlinkat(directory_, name_.c_str(), 0);
}

std::string PartialStore::name_of(const std::string& path) {
  return to_string(hasher_.hash(path));
}

Result<ChunkList> PartialStore::look(const std::string& path) {
  const std::string name = name_of(path);
  FileStat stat;
  SYNC_ASSIGN(const UniqueFd data, open_locked(directory_, name, O_RDONLY, stat));
  const UniqueFd list(::openat(directory_, list_name(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!list) return error_from_errno(errno, "cannot open the list of what arrived");
  auto parsed = parse_partial(read_list(list.get()), name);
  if (parsed) clip(parsed->chunks, stat.size);
  if (!parsed || parsed->chunks.empty()) return Error{ErrorCode::not_found, "nothing is listed", {}, 0};
  return std::move(*parsed);
}

std::vector<Partial> PartialStore::announce(const std::vector<PartialQuery>& files, bool& busy) {
  std::vector<Partial> out;
  size_t room = kMostAnnounced;
  for (const PartialQuery& file : files) {
    auto list = look(file.path);
    if (!list) {
      busy = busy || list.error().code == ErrorCode::busy;
      continue;
    }
    list->average = chunk_average(0);
    if (list->chunks.size() > room) list->chunks.resize(room);
    room -= list->chunks.size();
    if (!list->chunks.empty()) out.push_back({file.op, format_chunks(*list)});
  }
  return out;
}

std::unique_ptr<PartialFile> PartialStore::open(const std::string& path, uint64_t size) {
  auto file = std::unique_ptr<PartialFile>(new PartialFile(directory_, name_of(path), key_));
  FileStat stat;
  auto data = open_locked(directory_, file->name_, O_RDWR | O_CREAT, stat);
  if (!data) return nullptr;
  file->data_ = std::move(data).value();
  file->list_ = UniqueFd(::openat(directory_, list_name(file->name_).c_str(),
                                  O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!file->list_) return nullptr;
  const std::string head = format_partial_head(file->name_);
  size_t good = 0;
  auto list = parse_partial(read_list(file->list_.get()), file->name_, &good);
  const bool usable = list && stat.size > 0;
  file->size_ = usable ? std::min(stat.size, size) : 0;
  file->allocated_ = usable ? stat.blocks * 512 : 0;
  bool ready = ::ftruncate(file->list_.get(), usable ? static_cast<off_t>(good) : 0) == 0;
  ready = ready && (usable || write_all(file->list_.get(), head).ok());
  ready = ready && (stat.size == file->size_ || ::ftruncate(file->fd(), static_cast<off_t>(file->size_)) == 0);
  if (!ready) {
    file->drop();
    return nullptr;
  }
  file->list_size_ = usable ? good : head.size();
  if (usable) file->chunks_ = std::move(list->chunks);
  clip(file->chunks_, file->size_);
  return file;
}

bool PartialStore::drop(const std::string& name) {
  FileStat stat;
  const auto data = open_locked(directory_, name, O_RDONLY, stat);
  if (!data && data.error().code == ErrorCode::busy) return false;
  ::unlinkat(directory_, list_name(name).c_str(), 0);
  return ::unlinkat(directory_, name.c_str(), 0) == 0;
}

void PartialStore::drop_old(int64_t now_ns) {
  const auto names = names_in(directory_);
  if (!names) return;
  for (const std::string& name : *names) {
    FileStat stat;
    if (stat_at(directory_, name.c_str(), stat) != 0 || std::llabs(now_ns - stat.mtime_ns) < kKeptForNs) continue;
    std::string data = name;
    if (data.ends_with(kListEnd)) data.resize(data.size() - kListEnd.size());
    // A list goes with its file, or when it has none.
    FileStat of_data;
    if (data == name || stat_at(directory_, data.c_str(), of_data) != 0) (void)drop(data);
  }
}

void PartialStore::drop_all() {
  const auto names = names_in(directory_);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(kListEnd)) (void)drop(name);
  }
}

uint64_t PartialStore::bytes() const {
  uint64_t total = 0;
  const auto names = names_in(directory_);
  if (!names) return 0;
  for (const std::string& name : *names) {
    FileStat stat;
    if (stat_at(directory_, name.c_str(), stat) == 0 && stat.kind == Kind::file) total += stat.blocks * 512;
  }
  return total;
}

}  // namespace twsync
