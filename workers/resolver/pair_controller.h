#pragma once
// Drives the cycles of one pair on an own thread: takes a lease, does what its requests and hints ask, gives it back.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "common/app/audit_log.h"
#include "workers/resolver/audit.h"
#include "workers/resolver/cookie_flush.h"
#include "workers/resolver/cycle.h"
#include "workers/resolver/pair_opening.h"
#include "workers/resolver/pair_work.h"

namespace twsync {

/// After these the sides must be opened anew before anything else is tried.
bool closes_pair(ErrorCode code);

struct ControllerOptions {
  bool live =
      false;  ///< a service with producers: deletions wait for their other halves, hints are worked on after requests
  AuditLog* audit_log = nullptr;  ///< outlives the controller; nullptr = operations are not logged
};

/// lease(), more() and the destructor by the link's thread. The destructor ends the running cycle between batches.
class PairController {
 public:
  PairController(PairConfig config, WorkerLink& link, TaskClient& tasks, Clock& clock, ControllerOptions options);
  ~PairController();
  void lease(Lease lease);
  /// The answer to lease_more.
  void more(Lease lease);
  /// The code side's watch saw this cookie.
  void cookie_seen(const std::string& name, bool whole) { cookies_.seen(name, whole); }
  /// The broker was lost and is back: hints may have gone with it.
  void broker_returned() { broker_returned_ = true; }

 private:
  void run();
  void wait_for_lease(std::unique_lock<std::mutex>& lock);
  std::optional<int64_t> next_chore_ns() const;
  void do_chore();
  void flush();
  bool tend();  // true when something that waited for room may go on
  void look_again();
  void audit();
  bool repair(const AuditPiece& piece);
  void finish_off();
  void work_on(const Lease& lease);
  bool answer(const Request& request, const Lease& lease);
  Summary perform(const Request& request, const Lease& lease);
  Status prepare(const Request& request, CycleOrder& order);
  bool all_is_hinted(const Request& request);
  void take_hints(uint64_t lease, CycleOrder& order);
  CycleResult run_cycle(const CycleOrder& order);
  Status ensure_open(Opening how);
  std::vector<Hint> fetch_more(uint64_t lease, int64_t leased_at_ns);
  std::vector<Hint> ask_more(uint64_t lease);
  void emit(Event event);
  void log_applied(const std::vector<AppliedOperation>& applied);
  void give_back(const Lease& lease, const Error& error);
  bool stopping();

  WorkerLink& link_;
  TaskClient& tasks_;
  Clock& clock_;
  const ControllerOptions options_;
  PairWork work_;
  CycleServices services_;
  std::string request_;      // whose events these are
  std::string asked_by_;     // for the audit log
  std::vector<Hint> again_;  // for the lease's end
  std::vector<Hint> taken_;  // by the request under way
  CookieFlush cookies_;
  std::atomic<bool> broker_returned_{false};
  int64_t audit_at_ns_ = 0;  // steady
  Error lease_error_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Lease> next_;
  std::optional<Lease> more_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace twsync
