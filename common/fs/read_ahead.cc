#include "common/fs/read_ahead.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "common/fs/file_reader.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

constexpr size_t kAhead = 64;               // files
constexpr size_t kWorthAThread = 8;         // files
constexpr uint64_t kFetched = 256U << 10U;  // of each file; beyond, the kernel reads ahead by itself

// What the other side is told when a source cannot be opened: gone or replaced means "scan again".
Error as_source_error(Error error) {
  const int err = error.sys_errno;
  if (err == ENOENT || err == ENOTDIR || err == ELOOP || err == EXDEV || error.code == ErrorCode::unsupported) {
    error.code = ErrorCode::stale;
  }
  return error;
}

Result<UniqueFd> open_source(const std::string& path, DirCache& parents, FileStat& stat) {
  if (path.empty() || !is_valid_rel_path(path) || is_state_path(path)) {
    return Error{ErrorCode::peer_violation, "not a path that may be sent", path, 0};
  }
  SYNC_ASSIGN(const int parent, parents.parent_of(path));
  return open_regular(parent, std::string(base_name(path)).c_str(), stat);
}

}  // namespace

ReadAhead::ReadAhead(const RootDir& root, const Batch& batch) : root_(root), parents_(root_) {
  for (const Operation& op : batch.operations) {
    if (op.kind == OpKind::put_file) puts_.push_back(&op);
  }
  ahead_ = puts_.size() >= kWorthAThread;
  if (ahead_) thread_ = std::thread([this] { run(); });
}

ReadAhead::~ReadAhead() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

OpenedSource ReadAhead::open(const Operation& op) {
  OpenedSource source;
  source.op = &op;
  auto fd = open_source(op.path, parents_, source.stat);
  if (!fd) {
    source.error = as_source_error(std::move(fd).error());
    return source;
  }
  source.fd = std::move(fd).value();
  if (ahead_ && source.stat.size != 0) {
    (void)::posix_fadvise(source.fd.get(), 0, static_cast<off_t>(std::min(source.stat.size, kFetched)),
                          POSIX_FADV_WILLNEED);
  }
  return source;
}

void ReadAhead::run() {
  for (const Operation* op : puts_) {
    OpenedSource source = open(*op);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_ || opened_.size() < kAhead; });
    if (stop_) return;
    opened_.push_back(std::move(source));
    if (opened_.size() == 1) changed_.notify_all();
  }
}

std::optional<OpenedSource> ReadAhead::next() {
  if (given_ == puts_.size()) return std::nullopt;
  const Operation& op = *puts_[given_++];
  if (!ahead_) return open(op);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !opened_.empty(); });
  OpenedSource source = std::move(opened_.front());
  opened_.pop_front();
  // Woken when half of the room is free: a wake-up for each file would cost more than the file.
  if (opened_.size() <= kAhead / 2) changed_.notify_all();
  return source;
}

}  // namespace twsync
