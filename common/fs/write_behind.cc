#include "common/fs/write_behind.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/fs/file_io.h"

namespace twsync {

namespace {

constexpr size_t kPiece = 1U << 20U;
constexpr off_t kWindow = 16U << 20U;

}  // namespace

WriteBehind::~WriteBehind() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WriteBehind::write(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    size_t size = bytes.size();
    char* to = room(size);
    std::memcpy(to, bytes.data(), size);
    filled(fd, size);
    bytes.remove_prefix(size);
  }
}

char* WriteBehind::room(size_t& size) {
  if (!filling_.bytes) filling_.bytes.reset(new char[kPiece]);
  size = std::min(size, kPiece - filling_.size);
  return filling_.bytes.get() + filling_.size;
}

void WriteBehind::filled(int fd, size_t size) {
  filling_.size += size;
  if (filling_.size < kPiece) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size == 0; });
  fd_ = fd;
  std::swap(filling_, waiting_);
  changed_.notify_all();
}

Status WriteBehind::drain(int fd) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size == 0 && !busy_; });
  Status status = std::exchange(failed_, {});
  if (status.ok() && filling_.size > 0) status = write_all(fd, {filling_.bytes.get(), filling_.size});
  filling_.size = 0;
  kept_from_ = -1;
  return status;
}

Status WriteBehind::hand_over(int fd, off_t from, off_t to) {
  (void)::sync_file_range(fd, from, to - from, SYNC_FILE_RANGE_WRITE);
  if (kept_from_ < 0) kept_from_ = from;
  if (to - kept_from_ < 2 * kWindow) return {};
  constexpr unsigned kWhole = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  // What this reports no later flush will.
  if (::sync_file_range(fd, kept_from_, kWindow, kWhole) != 0 && errno != ENOSYS && errno != EINVAL)
    return error_from_errno(errno, "writing the file to the disk failed");
  (void)::posix_fadvise(fd, kept_from_, kWindow, POSIX_FADV_DONTNEED);
  kept_from_ += kWindow;
  return {};
}

void WriteBehind::run() {
  Piece piece;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || waiting_.size > 0; });
    if (waiting_.size == 0) return;
    std::swap(piece, waiting_);
    busy_ = true;
    const int fd = fd_;
    const bool useless = !failed_.ok();
    changed_.notify_all();
    lock.unlock();
    const off_t from = ::lseek(fd, 0, SEEK_CUR);
    Status status = useless ? Status{} : write_all(fd, {piece.bytes.get(), piece.size});
    if (status.ok() && !useless) status = hand_over(fd, from, from + static_cast<off_t>(piece.size));
    piece.size = 0;
    lock.lock();
    busy_ = false;
    if (!status.ok() && failed_.ok()) failed_ = std::move(status);
    changed_.notify_all();
  }
}

}  // namespace twsync
