#pragma once
// Displaced versions of one root: <root>/.twsync/<pair-id>/versions/<id>, and `index`, which says what each id is.
//
// Order that keeps every version: its index line is durable, then the entry is renamed to its id. A line whose id has
// no file was reserved and never filled; a file without a line lost it to damage of the index, and gets another one.
// Several processes may write at once: ids are unique, lines are appended in one write under a shared flock; compaction
// replaces the index under an exclusive one. A removed directory is its line alone: nothing stands under its id.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/unique_fd.h"
#include "common/wire/agent_messages.h"

namespace twsync {

/// One line of the index. The last line of an id counts.
struct VersionRecord {
  std::string id;       ///< sorts by time
  std::string path;     ///< where it stood; empty = not known (found in stage/)
  int64_t time_ns = 0;  ///< when it was displaced
  LoserCause cause = LoserCause::ordinary;
  Entry entry;  ///< as it stood: all but `links`, `stamp` only with its inode; a directory's owner and xattrs too
  uint64_t epoch = 0;
  uint64_t cycle = 0;
  Displaced how = Displaced::unknown;
  Stamp stored;      ///< of what lies in the store, right after it came there; all zero = not known
  std::string copy;  ///< not empty: a program still had this file open, and that id holds a copy made at that moment
};

/// As messages carry it.
VersionInfo to_info(const VersionRecord& record);

/// A reservation that was filled: what lies under its id (of a directory: of what was removed).
struct SettledVersion {
  std::string id;
  Stamp stored;
};

/// What version_care.h has looked at; beside the index.
constexpr const char* kLookedName = "looked";

/// A reservation that was not filled for so long never will be.
constexpr int64_t kReservedFor = 3'600 * kSecond;

/// Prefix of a copy that is being made; renamed to its id when it is durable.
constexpr std::string_view kCopyPrefix = "copy-";

inline bool is_precious(LoserCause cause) {
  return cause != LoserCause::ordinary;
}

/// Index line without its line feeds, and back (corrupt: torn or damaged). Format: docs at format_version_line().
std::string format_version_line(const VersionRecord& record);
Result<VersionRecord> parse_version_line(std::string_view line);
std::string format_settled_line(const SettledVersion& settled);
Result<SettledVersion> parse_settled_line(std::string_view line);

/// Any thread. The directory descriptor is borrowed and outlives it.
class VersionStore {
 public:
  /// An index that is not there begins with adopt_nameless().
  static Result<std::unique_ptr<VersionStore>> open(int versions_fd, Clock& clock);

  int dir_fd() const { return dir_fd_; }
  /// Gives each record an id and a time and appends their lines in one write. Not durable before flush().
  Status reserve(std::vector<VersionRecord>& records);
  /// fdatasync of the index. A failure fails whatever was reserved since the last flush; it is not tried again on that
  /// descriptor.
  Status flush();
  /// reserve + flush of one record.
  Result<std::string> reserve_durably(VersionRecord record);
  /// Notes what came to lie under reserved ids, and the whole lines of removed directories. Not durable before flush():
  /// when it is lost, a file's line still says what was expected there; a directory's version is gone.
  Status settle(const std::vector<SettledVersion>& settled, const std::vector<VersionRecord>& directories = {});
  /// Another line for an id that has one (its cause changed).
  Status amend(const VersionRecord& record);

  /// Gives what lies under an id that no line knows a line: cause `foreign`, its path unknown, its time from the id.
  /// Durable.
  Status adopt_nameless();

  /// Versions that exist, at or below `prefix` ("" = all), oldest first.
  Result<std::vector<VersionRecord>> list(std::string_view prefix) const;
  /// The record of an id whatever became of it; not_found.
  Result<VersionRecord> find(std::string_view id) const;
  /// Reserved ids that were never filled (a crash came between).
  Status for_each_reserved(const std::function<void(VersionRecord&&)>& use) const;
  /// Opens a stored file for reading; not_found, or unsupported for another kind (a stored symlink's target is in its
  /// record).
  Result<UniqueFd> open_source(std::string_view id) const;
  /// Their files go; returns how many did (what cannot be removed stays listed). Lines without a version that are older
  /// than an hour go too, and copies that a crash left half made.
  Result<uint64_t> remove(const std::vector<VersionRecord>& versions);

 private:
  VersionStore(int dir_fd, Clock& clock) : dir_fd_(dir_fd), clock_(clock) {}
  Status append(std::string_view lines);
  Status reopen_if_replaced();
  std::string next_id(int64_t now_ns);
  Status for_each_line(const std::function<void(std::string_view)>& use) const;
  Status for_each_record(const std::function<void(VersionRecord&&)>& use) const;
  Status drop_stray_copies(int64_t now_ns);
  Status compact(int64_t now_ns, const std::unordered_set<std::string>& gone);
  bool present(const VersionRecord& record) const;

  const int dir_fd_;
  Clock& clock_;
  mutable std::mutex mutex_;
  UniqueFd index_;
  bool index_failed_ = false;
  int64_t last_id_ns_ = 0;
  std::string id_suffix_;
};

}  // namespace twsync
