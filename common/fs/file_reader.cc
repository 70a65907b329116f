#include "common/fs/file_reader.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "common/fs/open_writers.h"

namespace twsync {

namespace {

constexpr int64_t kLongestTick = 20 * kMillisecond;
constexpr int64_t kLookAgain = kMillisecond / 2;
constexpr int64_t kDirtyAtMost = 600 * kSecond;  // the kernel writes back after some 30 s
constexpr int kTries = 3;
constexpr size_t kHashBuffer = 256U << 10U;

int64_t now_of(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

int open_quietly(int dir_fd, const char* name) {
  // O_NONBLOCK: should a FIFO appear after the look, nothing blocks.
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const int fd = ::openat(dir_fd, name, kFlags | O_NOATIME);
  return fd >= 0 || errno != EPERM ? fd : ::openat(dir_fd, name, kFlags);
}

// Where the data at or after `offset` begins (size = nothing but a hole from here on).
uint64_t next_data(int fd, uint64_t offset, uint64_t size) {
  const off_t at = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (at < 0) return errno == ENXIO ? size : offset;
  return std::min(static_cast<uint64_t>(at), size);
}

uint64_t next_hole(int fd, uint64_t offset, uint64_t size) {
  const off_t at = ::lseek(fd, static_cast<off_t>(offset), SEEK_HOLE);
  return at < 0 ? size : std::min(static_cast<uint64_t>(at), size);
}

Result<uint64_t> read_range(int fd, uint64_t offset, uint64_t end, const ContentSink& sink, char* buffer,
                            size_t buffer_size) {
  while (offset < end) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer_size, end - offset));
    const ssize_t got = ::pread(fd, buffer, want, static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR) continue;
      return error_from_errno(errno, "cannot read");
    }
    if (got == 0) break;
    SYNC_TRY(sink({buffer, static_cast<size_t>(got)}, 0));
    offset += static_cast<uint64_t>(got);
  }
  return offset;
}

// Where it cannot be asked, somebody may.
bool may_be_written(int fd, const FileStat& stat) {
  return stat.ctime_ns >= now_of(CLOCK_REALTIME) - kDirtyAtMost && open_writers(fd) != Writers::none;
}

}  // namespace

Result<UniqueFd> open_regular(int dir_fd, const char* name, FileStat& stat) {
  if (const int err = stat_at(dir_fd, name, stat); err != 0) return error_from_errno(err, "cannot look at the file");
  if (stat.kind != Kind::file) return Error{ErrorCode::unsupported, "not a regular file", {}, 0};
  UniqueFd fd(open_quietly(dir_fd, name));
  if (!fd) {
    if (errno == ELOOP) return Error{ErrorCode::stale, "the file became a link", {}, ELOOP};
    return error_from_errno(errno, "cannot open the file");
  }
  if (const int err = stat_fd(fd.get(), stat); err != 0) return error_from_errno(err, "cannot look at the file");
  if (stat.kind != Kind::file) return Error{ErrorCode::stale, "the file became something else", {}, 0};
  return fd;
}

void settle(const FileStat& stat, LastChange by) {
  const int64_t changed = by == LastChange::ctime ? stat.ctime_ns : stat.mtime_ns;
  const int64_t now = now_of(CLOCK_REALTIME);
  if (changed > now || changed <= now - kLongestTick) return;
  const int64_t age = now - changed;
  const int64_t until = now_of(CLOCK_MONOTONIC) + kLongestTick - age;
  while (now_of(CLOCK_REALTIME_COARSE) <= changed && now_of(CLOCK_MONOTONIC) < until) {
    const struct timespec wait = {0, kLookAgain};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, nullptr);
  }
}

void settle_mapped(int fd, const FileStat& stat, LastChange by) {
  settle(stat, by);
  if (!may_be_written(fd, stat)) return;
  struct statfs system;
  const bool stacked = ::fstatfs(fd, &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC;
  // The pages of a file on overlayfs belong to another one, which only fdatasync reaches.
  if (stacked) {
    (void)::fdatasync(fd);
  } else {
    (void)::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
  }
}

Result<uint64_t> read_content(int fd, const FileStat& stat, const ContentSink& sink, char* buffer, size_t buffer_size) {
  const bool sparse = stat.blocks * 512 < stat.size;
  if (!sparse) return read_range(fd, 0, stat.size, sink, buffer, buffer_size);
  uint64_t offset = 0;
  while (offset < stat.size) {
    const uint64_t data = next_data(fd, offset, stat.size);
    if (data > offset) SYNC_TRY(sink({}, data - offset));
    if (data >= stat.size) return stat.size;
    const uint64_t end = next_hole(fd, data, stat.size);
    SYNC_ASSIGN(offset, read_range(fd, data, end, sink, buffer, buffer_size));
    if (offset < end) return offset;
  }
  return offset;
}

Result<size_t> read_begin(int fd, char* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t more = ::pread(fd, to + got, size - got, static_cast<off_t>(got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return error_from_errno(errno, "cannot read");
    if (more == 0) break;
    got += static_cast<size_t>(more);
  }
  return got;
}

void hash_zeros(Hasher& hasher, uint64_t count) {
  static const std::string kZeros(64U << 10U, '\0');
  while (count > 0) {
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), count));
    hasher.update({kZeros.data(), piece});
    count -= piece;
  }
}

Result<Digest> hash_file(int fd, Hasher& hasher, FileStat& stat, LastChange by) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kHashBuffer);
  for (int tries = 0; tries < kTries; ++tries) {
    if (const int err = stat_fd(fd, stat); err != 0) return error_from_errno(err, "cannot look at the file");
    settle_mapped(fd, stat, by);
    hasher.reset();
    const auto feed = [&hasher](std::string_view bytes, uint64_t zeros) -> Status {
      zeros != 0 ? hash_zeros(hasher, zeros) : hasher.update(bytes);
      return {};
    };
    SYNC_ASSIGN(const uint64_t got, read_content(fd, stat, feed, buffer.get(), kHashBuffer));
    FileStat after;
    if (const int err = stat_fd(fd, after); err != 0) return error_from_errno(err, "cannot look at the file");
    if (got == stat.size && after.same_moment(stat)) return hasher.finish();
  }
  return Error{ErrorCode::stale, "the file keeps changing; it will be tried again", {}, 0};
}

}  // namespace twsync
