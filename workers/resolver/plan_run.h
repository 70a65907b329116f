#pragma once
// Carries a plan out: stage by stage, batches to the transfer workers, results into the base.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/wire/apply_messages.h"
#include "workers/resolver/decisions.h"
#include "workers/resolver/held_removals.h"
#include "workers/resolver/pair_work.h"
#include "workers/resolver/recorder.h"
#include "workers/transfer/transfer_task.h"

namespace twsync {

struct PlanOutcome {
  uint64_t done = 0;
  uint64_t failed = 0;
  uint64_t kept_directories = 0;
  uint64_t apart = 0;  ///< links that a file system refused: copies instead
  uint64_t content_bytes = 0;
  uint64_t bytes_sent = 0;  ///< to the deploy side, compressed
  uint64_t bytes_received = 0;
  std::vector<std::string> again;                 ///< stale: look at these once more
  std::vector<ParkedItem> parked;                 ///< failed operations that need a person or better times
  std::map<std::string, ConflictRecord> decided;  ///< by path: conflicts whose operation was carried out
  std::set<std::string> settled;                  ///< of a dry run: the paths whose operation would have been
  Error error;                                    ///< code ok, or why it ended early (lost worker, unreachable)
};

/// `batch` with what its session is opened by.
TransferTask transfer_task(const PairWork& work, const Policy& policy, Batch batch);
/// Has the pair's transfer workers open their sessions, while something else is done. Result: tasks that nobody needs
/// to wait for, to be cancelled in the end.
std::vector<std::string> wake_transfer(const PairWork& work, const CycleServices& services, const Policy& policy);

/// One run of one plan, or of the pieces of a first contact. Each batch's results are committed to the base as they
/// come (I9: they are durable on both sides by then); a crash in between leaves a base that lags, which the next scan
/// makes good.
class PlanRun {
 public:
  PlanRun(PairWork& work, const CycleServices& services, const Policy& policy, int64_t scanned_code_ns,
          int64_t scanned_deploy_ns, bool list_operations);
  PlanOutcome run(const Plan& plan);

  /// A first contact begins; the numbers, for people, are those of all pieces that hand_out() will get.
  void expect_pieces(uint64_t operations, uint64_t content_bytes);
  /// The next piece: `plan` needs nothing of what is under way but the directories above it. Its directories go out,
  /// then the rest of the piece before, whose directories are there by then. Returns when that is under way, so that
  /// the next one is planned meanwhile; false = nothing more goes out. finish() must follow, whatever happens.
  bool hand_out(Plan plan);
  /// What did not go out yet won't.
  void abandon();
  /// The rest goes out; waits for what is under way.
  PlanOutcome finish();

 private:
  void expect(uint64_t operations, uint64_t content_bytes);
  void run_leading(OpStage stage, std::vector<Operation>& operations);
  void hand_out_rest();
  void hand_out_full();
  void run_stages(const std::vector<Operation>& operations);
  void run_stage(const std::vector<Operation>& operations, size_t begin, size_t end);
  void withhold(std::vector<const Operation*>& operations);
  bool waits(const Operation& op);
  bool follows_a_broken_unit(const Operation& op) const;
  void did_not_arrive(const Operation& op, ErrorCode code);
  bool is_parked(const Operation& op);
  bool submit_all(const std::vector<const Operation*>& operations);
  struct Flight {
    Batch batch;
    uint64_t content_bytes = 0;  ///< of its files, as planned
    uint64_t carried_bytes = 0;  ///< so far; for people
    uint64_t piece = 0;
  };

  void submit(Batch batch);
  void take_progress(Flight& flight, std::string_view body);
  bool collect(size_t until_in_flight);
  bool collect_ordered();
  bool collect_pieces(uint64_t last);
  void take_event();
  void take_result(const Batch& batch, const BatchResult& result);
  Status record(const Batch& batch, const BatchResult& result);
  void take_one(const Operation& op, const OpResult& result);
  void take_failure(const Operation& op, const OpResult& result);
  void report_resumed(const Operation& op, const OpResult& result);
  void report_apart(const Operation& op, const OpResult& result);
  void report(const Operation& op, ErrorCode code, const std::string& text);
  void report_progress(bool force);

  PairWork& work_;
  const CycleServices& services_;
  const Policy policy_;
  const int64_t scanned_ns_[2];
  const bool list_operations_;
  Recorder recorder_;
  Decisions decisions_;
  HeldRemovals held_;
  std::set<std::pair<Side, size_t>> broken_units_;                // whose group was not applied
  std::optional<std::set<std::pair<Side, std::string>>> parked_;  // when the first content failed
  const std::shared_ptr<TaskInbox> inbox_ = std::make_shared<TaskInbox>();
  std::map<std::string, Flight> in_flight_;  // by task id
  std::vector<AppliedOperation> applied_;    // of the batch that is being taken
  PlanOutcome outcome_;
  Progress progress_;
  int64_t last_progress_ns_ = 0;
  uint64_t next_batch_ = 1;
  uint64_t piece_ = 0;  // of what is being submitted
  struct Rest {
    uint64_t piece = 0;
    std::vector<Operation> operations;
  };
  Rest rest_;  // of the last piece: what did not go out yet
  Rest full_;  // of the one before: metadata of directories that have got all their entries
};

}  // namespace twsync
