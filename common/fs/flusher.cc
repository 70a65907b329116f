#include "common/fs/flusher.h"

#include <fcntl.h>

#include <cerrno>
#include <thread>

#include "common/base/flush.h"

namespace twsync {

namespace {

constexpr size_t kOneFlushFrom = 16;  // staged files
constexpr size_t kManyDirectories = 8;
constexpr size_t kFlushThreads = 4;

}  // namespace

Result<std::unique_ptr<Flusher>> Flusher::open(const RootDir& root, const StateDir& state) {
  auto flusher = std::unique_ptr<Flusher>(new Flusher(root, state));
  flusher->file_system_ = UniqueFd(::openat(state.pair(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!flusher->file_system_) return error_from_errno(errno, "cannot open the state directory");
  return flusher;
}

Status Flusher::flush_file_system() {
  if (twsync::flush_file_system(file_system_.get()) == 0) return {};
  const int err = errno;
  ++failures_;
  return error_from_errno(err, "flushing the file system failed");
}

bool Flusher::flush_staged(const std::vector<std::unique_ptr<InFlight>>& flights) {
  std::vector<Item*> staged;
  std::vector<Item*> staged_before_cut;
  bool closed = false;
  for (const auto& flight : flights) {
    for (Item& item : flight->items) {
      if (!item.ok() || item.staged.kind == Kind::none) continue;
      staged.push_back(&item);
      if (item.result.resumed > 0) staged_before_cut.push_back(&item);
      closed = closed || !item.staged.fd;
    }
  }
  bool whole = false;
  if (closed || staged.size() >= kOneFlushFrom) {
    const Status status = flush_file_system();
    whole = status.ok();
    if (!status.ok()) {
      for (Item* item : staged) item->fail(status.error());
    }
    // What came before a cut may have failed to reach the disk then; only the file itself still says so.
    std::erase_if(staged_before_cut, [](const Item* item) { return !item->ok(); });
    flush_each(staged_before_cut);
  } else {
    flush_each(staged);
  }
  for (Item* item : staged) {
    if (item->flush_failures != failures_)
      item->fail(Error{ErrorCode::io, "a flush failed while it was staged", {}, EIO});
  }
  return whole;
}

void Flusher::flush_each(const std::vector<Item*>& items) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < items.size();) {
      // fsync, not fdatasync: owner, mode and times are part of what is promised.
      if (flush_fd(items[i]->staged.fd.get()) != 0) items[i]->fail(error_from_errno(errno, "flushing the file failed"));
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < kFlushThreads && i < items.size(); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

void Flusher::flush_visible(InFlight& flight) {
  Status status;
  bool whole = flight.whole_file_system || flight.directories.size() + flight.inodes.size() > kManyDirectories;
  const auto flush_one = [&](int fd) {
    if (status.ok() && flush_fd(fd) != 0) status = error_from_errno(errno, "flushing a directory failed");
  };
  if (!whole) {
    for (const std::string& directory : flight.directories) {
      auto fd = root_.open_dir(directory, O_RDONLY);
      // Moved, removed or not readable by us: the one flush that needs no path.
      whole = whole || !fd;
      if (fd) flush_one(fd->get());
    }
    for (const UniqueFd& inode : flight.inodes) flush_one(inode.get());
    if (flight.store_touched) {
      flush_one(state_.stage());
      flush_one(state_.versions());
    }
  }
  if (whole && status.ok()) status = flush_file_system();
  flight.inodes.clear();
  if (!status.ok()) flight.fail_all(status.error());
}

}  // namespace twsync
