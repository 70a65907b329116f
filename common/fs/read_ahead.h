#pragma once
// Opens the source files of a batch ahead of the one who reads them, and has the kernel fetch their beginnings, so that
// the disk is asked for many files at a time.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/fs/dir_handle.h"
#include "common/fs/file_stat.h"
#include "common/wire/apply_messages.h"

namespace twsync {

/// A put_file whose source was opened, or why it could not be.
struct OpenedSource {
  const Operation* op = nullptr;
  UniqueFd fd;
  FileStat stat;  ///< when it was opened
  std::optional<Error> error;
};

/// Use from one thread. `root` and `batch` outlive it.
class ReadAhead {
 public:
  ReadAhead(const RootDir& root, const Batch& batch);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next put_file in the batch's order; nullopt after the last.
  std::optional<OpenedSource> next();

 private:
  void run();
  OpenedSource open(const Operation& op);

  const RootDir& root_;
  DirCache parents_;  // of whoever opens: the thread, or without one the caller
  std::vector<const Operation*> puts_;
  size_t given_ = 0;
  bool ahead_ = false;  // by the thread; set before it starts
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<OpenedSource> opened_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace twsync
