// Operations on files of several names: which go together, and what new names are made of.

#include <algorithm>

#include "common/core/emitter.h"

namespace twsync {

void Emitter::find_anchors() {
  for (const Side s : kSides) {
    for (const LinkStep& step : links_.steps[index(s)]) {
      if (step.act != LinkStep::Act::link || !step.anchored) continue;
      Entry scratch;
      anchors_.emplace(s, current(rows_[step.lead], s, scratch).stamp.inode);
    }
  }
}

/// What sets the metadata of one inode goes together, and with the new names that get it (R126): the first changes what
/// the others compare, or hold.
uint32_t Emitter::group_of(Side side, const Entry& entry) {
  if (!policy_.preserve_hardlinks || !entry.is_file()) return 0;
  if (entry.links < 2 && !anchors_.contains({side, entry.stamp.inode})) return 0;
  const auto [found, added] = metadata_groups_.try_emplace({side, entry.stamp.inode}, next_group_ + 1);
  if (added) ++next_group_;
  return found->second;
}

void Emitter::put_anew(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source) {
  Operation& op = add(OpKind::put_file, OpStage::content, side, rows_[i]);
  op.group = step.group;
  op.expected = expected;
  op.desired = merged(i).merged;
  op.desired.stamp = source.stamp;
}

void Emitter::link(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source) {
  const Row& lead = rows_[step.lead];
  Operation& op = add(OpKind::link, OpStage::content, side, rows_[i]);
  if (decisions_[i].winner != side) op.cause = decisions_[i].cause;
  op.group = step.group;
  op.from = lead.path;
  op.expected = expected;
  op.desired = merged(step.lead).merged;
  op.desired.stamp = {};
  op.desired.size = source.size;
  if (source.digest.known()) op.desired.digest = source.digest;
  if (!step.anchored) return;
  Entry scratch;
  const Entry& stands = current(lead, side, scratch);
  op.group = group_of(side, stands);
  op.desired.stamp = stands.stamp;
  forget_ctime(op.desired.stamp, lead, side);
}

namespace {

/// New names of what stands there already do not need each other.
bool only_links_to_others(const std::vector<Operation*>& group) {
  return std::all_of(group.begin(), group.end(), [](const Operation* op) { return op->kind == OpKind::link; });
}

}  // namespace

/// Each group stands where its first operation stood; an operation that is the only one of its group is alone.
void Emitter::bring_groups_together() {
  std::map<uint32_t, std::vector<Operation*>> groups;
  auto& content = stage(OpStage::content);
  for (Operation& op : content) {
    if (op.group != 0) groups[op.group].push_back(&op);
  }
  if (groups.empty()) return;
  std::deque<Operation> ordered;
  for (Operation& op : content) {
    if (op.group == 0) {
      ordered.push_back(std::move(op));
      continue;
    }
    const auto found = groups.find(op.group);
    if (found == groups.end()) continue;  // came with the first of its group
    const bool apart = found->second.size() == 1 || only_links_to_others(found->second);
    for (Operation* one : found->second) {
      ordered.push_back(std::move(*one));
      if (apart) ordered.back().group = 0;
    }
    groups.erase(found);
  }
  content = std::move(ordered);
}

}  // namespace twsync
