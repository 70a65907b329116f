#pragma once
// Making things durable in groups: one syncfs for many, fsync of each for few.

#include <atomic>
#include <vector>

#include "common/fs/in_flight.h"
#include "common/fs/state_dir.h"

namespace twsync {

/// One thread, except failures().
class Flusher {
 public:
  static Result<std::unique_ptr<Flusher>> open(const RootDir& root, const StateDir& state);

  /// Contents of everything staged in `flights` become durable; items whose flush failed have failed then. Returns
  /// whether the whole file system was flushed, which also made durable whatever was made visible before.
  bool flush_staged(const std::vector<std::unique_ptr<InFlight>>& flights);
  /// The directories and inodes that the flight changed. On failure its items fail: visible, but not known to last.
  void flush_visible(InFlight& flight);

  /// Counts failed flushes of the file system. The kernel reports a lost write once, to one flush, so whatever was
  /// staged before that moment is in doubt: an item that began under another count fails.
  unsigned failures() const { return failures_; }

 private:
  Flusher(const RootDir& root, const StateDir& state) : root_(root), state_(state) {}
  Status flush_file_system();
  void flush_each(const std::vector<Item*>& items);

  const RootDir& root_;
  const StateDir& state_;
  UniqueFd file_system_;  // kept for life: an error since it was opened is reported on it
  std::atomic<unsigned> failures_{0};
};

}  // namespace twsync
