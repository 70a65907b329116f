#pragma once
// Writes a large file in a thread of its own, so that reading and hashing go on meanwhile.

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "common/base/result.h"

namespace twsync {

/// For one caller's thread. Writes at the file's own offset, in order, and has the kernel begin to bring to the disk
/// what was written, so that a later flush finds little left (sync_file_range(2); no durability by itself). What has
/// come there, some 32 MiB behind, leaves the page cache: the same few pages serve the whole file, and what the server
/// works with stays in memory. A file of many GiB never fills it with dirty pages.
class WriteBehind {
 public:
  static constexpr size_t kMostBehind = 4U << 20U;  ///< bytes that write() took and that are not written yet

  WriteBehind() = default;
  ~WriteBehind();
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  /// Takes a copy of `bytes`; waits while too much is behind. `fd` stays open, and its offset untouched, until drain()
  /// with it.
  void write(int fd, std::string_view bytes);
  /// The same without the copy: where the next bytes may be put, at most `size` of them (which may become less), before
  /// filled() says how many they were.
  char* room(size_t& size);
  void filled(int fd, size_t size);
  /// Returns once everything is written: the first failure since the last drain(), after which nothing was written.
  Status drain(int fd);

 private:
  void run();
  /// Also tells of what the disk refused, which no later flush of `fd` would.
  Status hand_over(int fd, off_t from, off_t to);

  std::mutex mutex_;
  std::condition_variable changed_;
  struct Piece {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  Piece filling_;  // the caller's, to be handed over
  Piece waiting_;  // handed over
  int fd_ = -1;
  bool busy_ = false;     // the thread has something of `fd_`
  off_t kept_from_ = -1;  // of the file: what is before has left the page cache; -1 = nothing was written
  bool stop_ = false;
  Status failed_;
  std::thread thread_;
};

}  // namespace twsync
