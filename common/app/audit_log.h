#pragma once
// One line for each operation that was applied: who asked, why, from what to what. <log-dir>/sync/audit_YYYYMMDD.log
// (of the day in UTC), JSON objects, files kept for 30 days.

#include <mutex>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/wire/apply_messages.h"

namespace twsync {

struct AuditEntry {
  std::string pair;
  std::string asked_by;  ///< "manual root", "inotify", "cron"
  std::string why;       ///< "changed on the code side", "conflict R23", "suspect"
  uint64_t cycle = 0;
  int64_t at_ns = 0;  ///< wall clock
};

/// The line without its end.
std::string format_audit_line(const AuditEntry& entry, const Operation& operation, const OpResult& result);

/// Any thread. Never fails a sync: what cannot be written is told once through the log. Lines are whole, in the order
/// of the calls; not flushed to disk.
class AuditLog {
 public:
  /// `directory`: <log-dir>/sync; made when missing. Empty = nothing is written.
  explicit AuditLog(std::string directory) : directory_(std::move(directory)) {}
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;
  /// `lines`: each with its end, all of about `at_ns`.
  void write(int64_t at_ns, std::string_view lines);

 private:
  bool open_for(int64_t at_ns);

  const std::string directory_;
  std::mutex mutex_;
  std::string day_;  // of the open file
  int fd_ = -1;
  bool torn_ = false;  // the last line has no end
  bool told_ = false;
};

}  // namespace twsync
