// Operations on files of several names: which go together, and what new names are made of.

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

}  // namespace twsync
