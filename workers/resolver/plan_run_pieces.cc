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
  const auto is_structure = [](const Operation& op) { return op.stage == OpStage::structure; };
  const auto structure_end = std::find_if_not(plan.operations.begin(), plan.operations.end(), is_structure);
  const auto structure = static_cast<size_t>(structure_end - plan.operations.begin());
  decisions_.add(plan.conflicts);
  const uint64_t piece = rest_.piece + 1;
  piece_ = piece;
  if (structure > 0 && outcome_.error.code == ErrorCode::ok) run_stage(plan.operations, 0, structure);
  hand_out_rest();
  rest_ = {piece, structure, std::move(plan)};
  // Nothing is on its way yet.
  if (piece == 1) hand_out_rest();
  return outcome_.error.code == ErrorCode::ok;
}

void PlanRun::hand_out_rest() {
  Rest rest = std::exchange(rest_, {rest_.piece, 0, {}});
  const std::vector<Operation>& operations = rest.plan.operations;
  size_t end = rest.begin;
  while (end < operations.size() && operations[end].stage == OpStage::content) ++end;
  piece_ = rest.piece;
  // What it needs of other pieces are their directories.
  if (end > rest.begin && collect_ordered()) run_stage(operations, rest.begin, end);
  // By now all of the one before has arrived, or nearly so.
  hand_out_full();
  rest.plan.operations.erase(rest.plan.operations.begin(),
                             rest.plan.operations.begin() + static_cast<std::ptrdiff_t>(end));
  full_ = {rest.piece, 0, std::move(rest.plan)};
}

void PlanRun::hand_out_full() {
  const Rest full = std::exchange(full_, {});
  piece_ = full.piece;
  run_stages(full.plan.operations, full.begin);
}

void PlanRun::abandon() {
  rest_ = {};
  full_ = {};
}

}  // namespace twsync
