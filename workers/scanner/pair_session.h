#pragma once
// A scanner's standing work on one pair: both sides open, the locks held, tasks done one after another on an own
// thread.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "workers/scanner/scan_sides.h"
#include "workers/scanner/scan_task.h"
#include "workers/scanner/side_scan.h"
#include "workers/task_output.h"

namespace twsync {

/// Where the deploy side's watch reports; both empty = no watch is wanted. Called from inner threads.
struct WatchSinks {
  std::function<void(std::vector<Hint>)> hints;
  std::function<void(std::string state)> state;  ///< "live (inotify)", "catching up", "degraded: …", for `status`
};

/// Owns the two SideReaders (and so the locks of both roots, until destruction or until a side is lost).
/// submit() may be called by any thread; the work runs on the session's own, so that one pair's trouble does not
/// touch another's. Failures of a task are told through its TaskOutput, never thrown.
class PairSession {
 public:
  PairSession(PairConfig config, ScanSides sides, WatchSinks sinks, Clock& clock);
  ~PairSession();  ///< waits for the running task; queued ones fail as cancelled
  void submit(ScanTask task, std::shared_ptr<TaskOutput> output);

 private:
  struct Job {
    ScanTask task;
    std::shared_ptr<TaskOutput> output;
  };
  void run();
  Result<std::string> perform(const ScanTask& task, TaskOutput& output);
  Result<std::string> open(const ScanTask& task);
  Result<std::string> claim(const ScanTask& task);
  Result<std::string> scan(const ScanTask& task, TaskOutput& output);
  Result<std::string> flush(const ScanTask& task);
  Result<std::string> cookie(const ScanTask& task);
  Result<std::string> digest(const ScanTask& task, TaskOutput& output);
  Result<std::string> tend(const ScanTask& task);
  Status ensure_sides(const ScanTask& task);
  void list_ahead(const ScanTask& task, const SideOptions& options);
  ScanRules rules_of(const ScanTask& task) const;
  std::vector<std::string> deploy_never() const;
  Status watch_deploy();
  Status refresh_ignores(const ScanTask& task);
  Status exclude_others(const ScanTask& task);
  void yield(bool forget);

  const PairConfig config_;
  const ScanSides sides_;
  const WatchSinks sinks_;
  Clock& clock_;
  std::unique_ptr<SideReader> code_, deploy_;
  std::unique_ptr<EarlyListing> early_;  ///< of the code side, while the deploy side is being connected
  std::vector<std::string> deploy_own_;  ///< what the agent's user keeps of twsync's below the deploy root
  std::vector<std::string> code_ignore_, deploy_ignore_;
  bool ignores_known_ = false;
  std::vector<Error> odd_rules_;  // and no scan has told of them
  bool alone_ = false;            // no other pair's controller has these two roots
  bool rules_changed_ = false;    // and no scan has told of it

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace twsync
