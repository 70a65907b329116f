// A first contact, which is carried out piece by piece.

#include <algorithm>
#include <utility>

#include "workers/resolver/plan_run.h"

namespace twsync {

std::vector<std::string> wake_transfer(const PairWork& work, const CycleServices& services, const Policy& policy) {
  Batch nothing;
  nothing.side = Side::deploy;
  nothing.epoch = work.meta.epoch;
  const std::string task = encode(transfer_task(work, policy, std::move(nothing)));
  std::vector<std::string> ids;
  for (unsigned i = 0; i < std::max(1U, work.config.transfer_workers); ++i)
    ids.push_back(
        services.tasks.start(std::string(kTransferService), work.config.name, task, std::make_shared<TaskInbox>()));
  return ids;
}

void PlanRun::expect_pieces(uint64_t operations, uint64_t content_bytes) {
  recorder_.expect_news();
  expect(operations, content_bytes);
}

bool PlanRun::hand_out(Plan plan) {
  decisions_.add(plan.conflicts);
  const uint64_t piece = rest_.piece + 1;
  piece_ = piece;
  run_leading(OpStage::structure, plan.operations);
  hand_out_rest();
  rest_ = {piece, std::move(plan.operations)};
  // Nothing is on its way yet.
  if (piece == 1) hand_out_rest();
  return outcome_.error.code == ErrorCode::ok;
}

/// The operations of `stage` that `operations` begins with go out, and from it.
void PlanRun::run_leading(OpStage stage, std::vector<Operation>& operations) {
  const auto end =
      std::find_if(operations.begin(), operations.end(), [stage](const auto& op) { return op.stage != stage; });
  if (end == operations.begin()) return;
  // What it needs of other pieces are their directories.
  if (collect_ordered()) run_stage(operations, 0, static_cast<size_t>(end - operations.begin()));
  operations.erase(operations.begin(), end);
}

void PlanRun::hand_out_rest() {
  std::vector<Operation> operations = std::exchange(rest_.operations, {});
  piece_ = rest_.piece;
  run_leading(OpStage::content, operations);
  // By now all of the one before has arrived, or nearly so.
  hand_out_full();
  full_ = {rest_.piece, std::move(operations)};
}

void PlanRun::hand_out_full() {
  const Rest full = std::exchange(full_, {});
  piece_ = full.piece;
  run_stages(full.operations);
}

void PlanRun::abandon() {
  rest_ = {};
  full_ = {};
}

}  // namespace twsync
