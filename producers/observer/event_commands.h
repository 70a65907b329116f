#pragma once
// POST_SYNC_COMMAND and ON_CONFLICT_COMMAND: what people want to have run when something happened.

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/app/pair_config.h"
#include "common/wire/messages.h"
#include "producers/observer/program_run.h"

namespace twsync {

/// One pair's programs, one after the other on an own thread, so that a slow one delays no other pair's.
/// Syncs that end while the last one's program runs are told by one run afterwards, with their sums; of conflicts that
/// wait, at most 100 are told one by one, the rest by a count.
class EventCommands {
 public:
  using Run = std::function<Result<int>(const ProgramRun&, const std::function<bool()>& stop)>;
  /// `run`: run_program, or a test's.
  EventCommands(const PairConfig& pair, Run run);
  ~EventCommands();  ///< ends the wait for a program that runs; what waits is not run
  EventCommands(const EventCommands&) = delete;
  EventCommands& operator=(const EventCommands&) = delete;
  void take(const Event& event);  ///< any thread

 private:
  void work();
  bool next(ProgramRun& out);
  void told(const ProgramRun& program, const Result<int>& ended) const;

  const std::string pair_;
  const std::vector<std::string> post_sync_, on_conflict_;
  const Run run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Summary> synced_;  // sums since the last run
  std::deque<Event> conflicts_;
  uint64_t more_conflicts_ = 0;  // beyond those
  bool stop_ = false;
  std::thread thread_;  // last
};

}  // namespace twsync
