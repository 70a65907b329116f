#pragma once
// Looks after a version store: a second look at what was displaced, and what is kept for how long (DESIGN.md section
// 6).

#include <set>
#include <string>
#include <vector>

#include "common/base/hasher.h"
#include "common/fs/file_stat.h"
#include "common/fs/version_store.h"

namespace twsync {

struct VersionLimits {
  uint32_t keep_days = 30;
  uint64_t keep_bytes = 0;             ///< 0 = 10 % of the file system
  uint32_t keep_last = 5;              ///< ordinary versions of a path that thinning leaves in any case
  int64_t spacing_ns = 300 * kSecond;  ///< of the older ordinary ones of a path, at most one in so much time stays
};

struct CareReport {
  uint64_t versions = 0;  ///< kept
  uint64_t removed = 0;
  uint64_t kept_bytes = 0;
  uint64_t precious_bytes = 0;
  uint64_t limit_bytes = 0;
  bool precious_over_limit = false;  ///< overwrites and deletions must park until there is room
  std::vector<VersionRecord> late;   ///< found changed by this call, as they are now; each is told once
  int64_t next_look_ns = 0;          ///< wall clock when the next second look is due; 0 = nothing waits for one
};

/// One thread; several processes may tend one store. Blocks while it reads (the index; contents only of what changed).
/// - Second look: 60 s after a file was displaced it is compared with what was stored. What a program wrote into it
///   meanwhile makes it a version of its own (late_write, precious); the version before is the `copy` that was made
///   then. While a program still has it open it is looked at again, after as long as it is there, at least each hour.
/// - Ordinary versions of a path: the last five and, of older ones, one each five minutes. Everything goes after
///   keep_days of a clock that runs evenly: what is there when it jumps, by half of keep_days ahead or by more than an
///   hour back, counts as of then. Above keep_bytes the oldest ordinary ones go, first those that are not among the
///   last five of their path. Nothing goes that waits for a second look, and nothing that changed since it was stored.
/// Crash: what was looked at is looked at again; what was to go, goes the next time.
class VersionCare {
 public:
  VersionCare(VersionStore& store, const HashKey& key, Clock& clock) : store_(store), hasher_(key), clock_(clock) {}

  Result<CareReport> tend(const VersionLimits& limits);

 private:
  struct Kept {
    VersionRecord record;
    uint64_t bytes = 0;
    bool waits = false;  ///< for a second look
    bool goes = false;
  };
  enum class Finding : uint8_t { same, late, open };

  /// Of the wall clock, as tend() saw it; beside what was looked at.
  struct ClockSeen {
    int64_t tended_ns = 0;      ///< to the hour
    int64_t even_since_ns = 0;  ///< no jump since
    bool operator==(const ClockSeen&) const = default;
  };

  void note_clock(const VersionLimits& limits);
  Status read_looked();
  Status write_looked(int64_t looked_ns, std::set<std::string> open);
  Status look(std::vector<Kept>& kept, CareReport& report);
  Result<Finding> examine(VersionRecord& record, CareReport& report);
  bool changed(VersionRecord& record, int fd, FileStat& stat);
  void thin(std::vector<Kept>& kept, const VersionLimits& limits) const;
  Status expire(std::vector<Kept>& kept, const VersionLimits& limits, CareReport& report);
  void mark(Kept& version, CareReport& report);

  VersionStore& store_;
  Hasher hasher_;
  Clock& clock_;
  int64_t looked_ns_ = 0;  // everything displaced until then was looked at, but for `open_`
  std::set<std::string> open_;
  ClockSeen clock_seen_;
  ClockSeen clock_written_;
};

}  // namespace twsync
