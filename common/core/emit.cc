#include "common/core/emit.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "common/core/emitter.h"

namespace twsync {

void forget_ctime(Stamp& stamp, const Row& row, Side side) {
  const PathState* origin = row.view[index(side)].origin;
  const std::string_view scanned = origin != nullptr ? std::string_view(origin->path) : row.base->path;
  if (row.renaming && scanned != row.path) stamp.ctime_ns = 0;
}

Operation& Emitter::add(OpKind kind, OpStage at, Side side, const Row& row) {
  Operation& op = stage(at).emplace_back();
  op.kind = kind;
  op.stage = at;
  op.side = side;
  op.path = row.path;
  return op;
}

void Emitter::row(size_t i) {
  const Row& row = rows_[i];
  const Decision& d = decisions_[i];
  report(row, d);
  switch (d.outcome) {
    case Outcome::held:
      return;
    case Outcome::gone:
      if (row.base != nullptr) plan_.agreements.push_back({AgreementKind::gone, std::string(row.recorded), {}});
      return;
    case Outcome::same:
      return merge(i);
    case Outcome::take:
      return take(i);
  }
}

void Emitter::report(const Row& row, const Decision& d) {
  if (d.rule != nullptr) {
    Conflict& c = plan_.conflicts.emplace_back();
    Entry scratch;
    c.path = row.path;
    c.rule = d.rule;
    c.code = current(row, Side::code, scratch);
    c.deploy = current(row, Side::deploy, scratch);
    if (d.outcome == Outcome::take) c.winner = d.winner == Side::code ? ConflictWinner::code : ConflictWinner::deploy;
  }
  if (d.parked) {
    plan_.parked.push_back({ParkedReason::manual_conflict, Side::code, std::string(row.path), "changed on both sides"});
  }
  if (d.unsupported) {
    plan_.parked.push_back({ParkedReason::kind_unsupported, d.unsupported_side, std::string(row.path),
                            "stands where something else was synced; it is never touched"});
  }
}

void Emitter::agree(const Row& row) {
  if (!row.renaming && is_pending(row)) plan_.agreements.push_back({AgreementKind::same, std::string(row.path), {}});
}

void Emitter::set_metadata(const Row& row, Side side, const Entry& expected, const Entry& desired) {
  const OpStage at = desired.is_directory() ? OpStage::directory_metadata : OpStage::content;
  Operation& op = add(OpKind::set_metadata, at, side, row);
  op.group = group_of(side, expected);
  op.expected = expected;
  forget_ctime(op.expected.stamp, row, side);
  op.desired = desired;
}

/// What shall stand at a row that is the same on both sides or taken from one. Names of one file share the metadata of
/// one of them.
MergedMetadata Emitter::merged(size_t i) const {
  MergedMetadata mine = own_merged(i);
  if (links_.metadata_row(i) == i) return mine;
  const Entry agreed = own_merged(links_.metadata_row(i)).merged;
  copy_metadata(mine.merged, agreed, policy_);
  for (const Side s : kSides) {
    Entry& desired = mine.desired[index(s)];
    Entry scratch;
    desired = current(rows_[i], s, scratch);
    if (!desired.is_file()) continue;
    mine.change[index(s)] = !same_metadata(desired, agreed, policy_);
    copy_metadata(desired, agreed, policy_);
  }
  return mine;
}

MergedMetadata Emitter::own_merged(size_t i) const {
  const Row& row = rows_[i];
  const Decision& d = decisions_[i];
  Entry a;
  Entry b;
  const Entry& code = current(row, Side::code, a);
  const Entry& deploy = current(row, Side::deploy, b);
  if (d.outcome == Outcome::same) return merge_metadata({row, code, deploy, std::nullopt, false}, policy_);
  if (code.kind == deploy.kind && !d.whole) return merge_metadata({row, code, deploy, d.winner, d.contested}, policy_);
  MergedMetadata merged;
  merged.merged = d.winner == Side::code ? code : deploy;
  return merged;
}

void Emitter::merge(size_t i) {
  const Row& row = rows_[i];
  if (decisions_[i].still) return agree(row);
  Entry scratch[2];
  const MergedMetadata merged = this->merged(i);
  bool quiet = true;
  for (const Side s : kSides) {
    const LinkStep step = links_.step(s, i);
    if (step.act == LinkStep::Act::none) continue;
    quiet = false;
    const Entry& expected = current(row, s, scratch[0]);
    const Entry& source = current(row, other(s), scratch[1]);
    step.act == LinkStep::Act::link ? link(i, s, step, expected, source) : put_anew(i, s, step, expected, source);
  }
  for (const Side s : kSides) {
    if (!merged.change[index(s)] || links_.step(s, i).act != LinkStep::Act::none) continue;
    quiet = false;
    set_metadata(row, s, current(row, s, scratch[0]), merged.desired[index(s)]);
  }
  if (quiet) agree(row);
}

void Emitter::take(size_t i) {
  const Row& row = rows_[i];
  const Decision& d = decisions_[i];
  const Side target = other(d.winner);
  Entry a;
  Entry b;
  const Entry& source = current(row, d.winner, a);
  const Entry& expected = current(row, target, b);
  if (d.anew) plan_.agreements.push_back({AgreementKind::anew, std::string(row.recorded), {}});
  if (!source.exists()) return remove(row, d, expected);
  MergedMetadata merged = this->merged(i);
  if (source.is_directory()) return make_directory(row, d, expected, merged.merged);
  const LinkStep step = links_.step(target, i);
  if (step.act == LinkStep::Act::link) {
    link(i, target, step, expected, source);
  } else {
    const OpKind kind = source.is_file() ? OpKind::put_file : OpKind::put_symlink;
    Operation& op = add(kind, OpStage::content, target, row);
    op.cause = d.cause;
    op.group = step.group;
    op.expected = expected;
    op.desired = std::move(merged.merged);
  }
  const LinkStep here = links_.step(d.winner, i);
  if (here.act == LinkStep::Act::link) {
    link(i, d.winner, here, source, source);
  } else if (merged.change[index(d.winner)]) {
    set_metadata(row, d.winner, source, merged.desired[index(d.winner)]);
  }
}

void Emitter::remove(const Row& row, const Decision& d, const Entry& expected) {
  const bool directory = expected.is_directory();
  const OpStage at = d.early ? OpStage::early_removal : directory ? OpStage::directory_removal : OpStage::removal;
  const OpKind kind = directory ? OpKind::remove_directory : OpKind::remove;
  Operation& op = add(kind, stage_of(at, row, directory), other(d.winner), row);
  op.cause = d.cause;
  op.expected = expected;
}

/// The applier makes it u+rwx, so that it can be filled; its own metadata comes last, mtime of the originating side
/// too.
void Emitter::make_directory(const Row& row, const Decision& d, const Entry& expected, const Entry& desired) {
  const Side side = other(d.winner);
  // Until its mode is set it is first contact (R57): what it was made with must not count as somebody's change.
  const bool remade = row.base != nullptr && row.base->agreed.is_directory();
  if (remade && !d.anew && (desired.mode & kMadeDirectoryMode) != kMadeDirectoryMode) {
    plan_.agreements.push_back({AgreementKind::anew, std::string(row.recorded), {}});
  }
  if (!row.made[index(side)]) {
    Operation& op = add(OpKind::make_directory, stage_of(OpStage::structure, row, true), side, row);
    op.cause = d.cause;
    op.expected = expected;
    op.desired = desired;
  }
  Entry made = desired;
  made.stamp = {};
  Operation& op = add(OpKind::set_metadata, OpStage::directory_metadata, side, row);
  op.expected = made;
  op.desired = desired;
}

void Emitter::finish() {
  for (const OpStage s : {OpStage::early_removal, OpStage::directory_removal, OpStage::directory_metadata}) {
    std::reverse(stage(s).begin(), stage(s).end());
  }
  join_units();
  bring_groups_together(OpStage::early_removal);
  bring_groups_together(OpStage::content);
  size_t total = 0;
  for (const auto& operations : stages_) total += operations.size();
  plan_.operations.reserve(total);
  for (auto& operations : stages_) {
    for (; !operations.empty(); operations.pop_front()) plan_.operations.push_back(std::move(operations.front()));
  }
  for (size_t i = 0; i < plan_.operations.size(); ++i) plan_.operations[i].id = static_cast<uint32_t>(i);
}

Plan emit_plan(const WorkTable& table, Reconciled all, const LinkPlan& links, Renames renames, const Policy& policy) {
  Plan plan;
  plan.agreements = std::move(renames.moved);
  plan.conflicts = std::move(all.conflicts);
  plan.parked = std::move(all.parked);
  Emitter emitter(table, all, links, plan, policy);
  emitter.structure(std::move(renames.operations));
  for (size_t i = 0; i < table.rows.size(); ++i) emitter.row(i);
  emitter.finish();
  return plan;
}

}  // namespace twsync
