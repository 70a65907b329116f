#pragma once
// Displaced versions of one root: <root>/.twsync/<pair-id>/versions/<id>, and `index`, which says what each id is.
//
// Order that keeps every version: its index line is durable, then the entry is renamed to its id. A line whose id has
// no file was reserved and never filled; a file without a line cannot come to be. Several processes may write at once:
// ids are unique, lines are appended in one write under a shared flock; compaction replaces the index under an
// exclusive one.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/unique_fd.h"
#include "common/model/plan.h"

namespace twsync {

/// One line of the index. The last line of an id counts.
struct VersionRecord {
  std::string id;       ///< sorts by time
  std::string path;     ///< where it stood; empty = not known (found in stage/)
  int64_t time_ns = 0;  ///< when it was displaced
  LoserCause cause = LoserCause::ordinary;
  Entry entry;  ///< kind, size, mtime, mode, digest (if known), stamp.inode
  uint64_t epoch = 0;
  uint64_t cycle = 0;
};

/// Prefix of a copy that is being made; renamed to its id when it is durable.
constexpr std::string_view kCopyPrefix = "copy-";

inline bool is_precious(LoserCause cause) {
  return cause != LoserCause::ordinary;
}

/// Index line without its line feeds, and back (corrupt: torn or damaged). Format: docs at format_version_line().
std::string format_version_line(const VersionRecord& record);
Result<VersionRecord> parse_version_line(std::string_view line);

struct VersionLimits {
  uint32_t keep_days = 30;
  uint64_t keep_bytes = 0;             ///< 0 = 10 % of the file system
  uint32_t keep_last = 5;              ///< ordinary versions of a path that stay in any case
  int64_t spacing_ns = 300 * kSecond;  ///< of the older ordinary ones of a path, at most one in so much time stays
};

struct EvictionReport {
  uint64_t removed = 0;
  uint64_t kept_bytes = 0;
  bool precious_over_limit = false;  ///< overwrites and deletions must park until there is room
};

/// Any thread. The directory descriptor is borrowed and outlives it.
class VersionStore {
 public:
  static Result<std::unique_ptr<VersionStore>> open(int versions_fd, Clock& clock);

  int dir_fd() const { return dir_fd_; }
  /// Gives each record an id and a time and appends their lines in one write. Not durable before flush().
  Status reserve(std::vector<VersionRecord>& records);
  /// fdatasync of the index. A failure fails whatever was reserved since the last flush; it is not tried again on that
  /// descriptor.
  Status flush();
  /// reserve + flush of one record.
  Result<std::string> reserve_durably(VersionRecord record);
  /// Another line for an id that has one (its cause changed).
  Status amend(const VersionRecord& record);

  /// Versions that exist, at or below `prefix` ("" = all), oldest first.
  Result<std::vector<VersionRecord>> list(std::string_view prefix) const;
  /// The record of an id whatever became of it; not_found.
  Result<VersionRecord> find(std::string_view id) const;
  /// Reserved ids that were never filled (a crash came between).
  Status for_each_reserved(const std::function<void(VersionRecord&&)>& use) const;
  /// Opens a stored file for reading; not_found, or unsupported for another kind (a stored symlink's target is in its
  /// record).
  Result<UniqueFd> open_source(std::string_view id) const;
  /// Removes what the limits allow, drops lines without a file that are older than an hour.
  Result<EvictionReport> evict(const VersionLimits& limits);

 private:
  VersionStore(int dir_fd, Clock& clock) : dir_fd_(dir_fd), clock_(clock) {}
  Status append(std::string_view lines);
  Status reopen_if_replaced();
  std::string next_id(int64_t now_ns);
  Status for_each_line(const std::function<void(VersionRecord&&)>& use) const;
  Status drop_stray_copies(int64_t now_ns);
  Status compact(int64_t now_ns);
  bool present(const std::string& id) const;

  const int dir_fd_;
  Clock& clock_;
  mutable std::mutex mutex_;
  UniqueFd index_;
  bool index_failed_ = false;
  int64_t last_id_ns_ = 0;
  std::string id_suffix_;
};

}  // namespace twsync
