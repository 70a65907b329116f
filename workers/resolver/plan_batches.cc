#include "workers/resolver/plan_batches.h"

namespace twsync {

bool is_ordered(OpStage stage) {
  return stage == OpStage::structure || stage == OpStage::early_removal || stage == OpStage::directory_removal ||
         stage == OpStage::directory_metadata;
}

std::vector<Batch> cut_batches(const std::vector<Operation>& operations, size_t begin, size_t end, const BatchLimits& limits) {
  std::vector<Batch> done;
  Batch open[2];
  uint64_t bytes[2] = {0, 0};
  const auto close = [&](size_t side) {
    if (open[side].operations.empty()) return;
    done.push_back(std::move(open[side]));
    open[side] = Batch{};
    bytes[side] = 0;
  };
  for (size_t i = begin; i < end; ++i) {
    const Operation& op = operations[i];
    const auto side = static_cast<size_t>(op.side);
    const bool ordered = is_ordered(op.stage);
    const uint64_t size = op.kind == OpKind::put_file ? op.desired.size : 0;
    const size_t most = ordered ? limits.ordered_operations : limits.operations;
    Batch& batch = open[side];
    const bool full = batch.operations.size() >= most || (bytes[side] > 0 && bytes[side] + size > limits.bytes);
    const bool same_group = op.group != 0 && !batch.operations.empty() && batch.operations.back().group == op.group;
    if (full && !same_group) close(side);
    open[side].side = op.side;
    open[side].ordered = ordered;
    open[side].operations.push_back(op);
    bytes[side] += size;
  }
  close(0);
  close(1);
  return done;
}

}  // namespace twsync
