#include "workers/resolver/plan_batches.h"

#include <algorithm>

namespace twsync {

constexpr size_t kMessageOfOperation = 400;  // numbers, owner names

bool is_ordered(const std::vector<const Operation*>& operations) {
  return std::any_of(operations.begin(), operations.end(), [](const Operation* op) {
    const OpStage stage = op->stage;
    if (stage == OpStage::directory_metadata) return (op->desired.mode & kMadeDirectoryMode) != kMadeDirectoryMode;
    return stage == OpStage::structure || stage == OpStage::early_removal || stage == OpStage::directory_removal;
  });
}

namespace {

size_t message_size(const Operation& op) {
  size_t size = kMessageOfOperation + op.path.size() + op.from.size();
  for (const Entry* e : {&op.expected, &op.desired}) size += e->target.size() + e->xattrs.str().size();
  return size;
}

}  // namespace

std::optional<Batch> BatchCutter::close(size_t side) {
  if (open_[side].operations.empty()) return std::nullopt;
  bytes_[side] = 0;
  message_[side] = 0;
  return std::exchange(open_[side], Batch{});
}

std::optional<Batch> BatchCutter::add(const Operation& op) {
  const auto side = static_cast<size_t>(op.side);
  const uint64_t size = op.kind == OpKind::put_file ? op.desired.size : 0;
  const size_t most = ordered_ ? limits_.ordered_operations : limits_.operations;
  const Batch& batch = open_[side];
  const size_t message = message_size(op);
  const bool full = batch.operations.size() >= most || (bytes_[side] > 0 && bytes_[side] + size > limits_.bytes) ||
                    message_[side] + message > limits_.message;
  const bool same_group = op.group != 0 && !batch.operations.empty() && batch.operations.back().group == op.group;
  std::optional<Batch> done;
  if (full && !same_group && !batch.operations.empty()) done = close(side);
  open_[side].side = op.side;
  open_[side].ordered = ordered_;
  open_[side].operations.push_back(op);
  bytes_[side] += size;
  message_[side] += message;
  return done;
}

std::optional<Batch> BatchCutter::next() {
  while (next_ < operations_.size()) {
    if (auto done = add(*operations_[next_++])) return done;
  }
  if (auto done = close(0)) return done;
  return close(1);
}

}  // namespace twsync
