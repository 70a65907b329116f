#include "common/core/emit.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/core/metadata.h"

namespace twsync {

namespace {

constexpr std::array kSides{Side::code, Side::deploy};

class Emitter {
 public:
  Emitter(const WorkTable& table, const std::vector<Decision>& decisions, const LinkPlan& links, Plan& plan,
          const Policy& policy)
      : rows_(table.rows),
        decisions_(decisions),
        links_(links),
        plan_(plan),
        policy_(policy),
        next_group_(links.groups) {
    find_anchors();
  }

  void structure(std::vector<Operation> operations) {
    stage(OpStage::structure)
        .assign(std::make_move_iterator(operations.begin()), std::make_move_iterator(operations.end()));
  }
  void row(size_t i);
  void finish();

 private:
  std::deque<Operation>& stage(OpStage s) { return stages_[static_cast<size_t>(s)]; }
  Operation& add(OpKind kind, OpStage at, Side side, const Row& row);
  void report(const Row& row, const Decision& d);
  void agree(const Row& row);
  void merge(size_t i);
  void take(size_t i);
  void remove(const Row& row, const Decision& d, const Entry& expected);
  void make_directory(const Row& row, const Decision& d, const Entry& expected, const Entry& desired);
  void set_metadata(const Row& row, Side side, const Entry& expected, const Entry& desired);
  void put_anew(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source);
  void link(size_t i, Side side, const LinkStep& step, const Entry& expected, const Entry& source);
  MergedMetadata merged(size_t i) const;
  MergedMetadata own_merged(size_t i) const;
  void find_anchors();
  uint32_t group_of(Side side, const Entry& entry);
  void bring_groups_together();

  const std::vector<Row>& rows_;
  const std::vector<Decision>& decisions_;
  const LinkPlan& links_;
  Plan& plan_;
  const Policy& policy_;
  uint32_t next_group_;
  std::set<std::pair<Side, uint64_t>> anchors_;  // inodes that get new names
  std::map<std::pair<Side, uint64_t>, uint32_t> metadata_groups_;
  std::array<std::deque<Operation>, kOpStages> stages_;  // a first sync has one for each file: no copy to grow them
};

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

/// A rename of this plan moves the inode's ctime on, so it cannot be compared any more.
void forget_ctime(Stamp& stamp, const Row& row, Side side) {
  const PathState* origin = row.view[index(side)].origin;
  const std::string_view scanned = origin != nullptr ? std::string_view(origin->path) : row.base->path;
  if (row.renaming && scanned != row.path) stamp.ctime_ns = 0;
}

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
  if (code.kind == deploy.kind) return merge_metadata({row, code, deploy, d.winner, d.contested}, policy_);
  MergedMetadata merged;
  merged.merged = d.winner == Side::code ? code : deploy;
  return merged;
}

void Emitter::merge(size_t i) {
  const Row& row = rows_[i];
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
  Operation& op = add(directory ? OpKind::remove_directory : OpKind::remove, at, other(d.winner), row);
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
    Operation& op = add(OpKind::make_directory, OpStage::structure, side, row);
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

/// New names of what stands there already do not need each other.
bool only_links_to_others(const std::vector<Operation*>& group) {
  return std::all_of(group.begin(), group.end(), [](const Operation* op) { return op->kind == OpKind::link; });
}

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

void Emitter::finish() {
  for (const OpStage s : {OpStage::early_removal, OpStage::directory_removal, OpStage::directory_metadata}) {
    std::reverse(stage(s).begin(), stage(s).end());
  }
  bring_groups_together();
  size_t total = 0;
  for (const auto& operations : stages_) total += operations.size();
  plan_.operations.reserve(total);
  for (auto& operations : stages_) {
    for (; !operations.empty(); operations.pop_front()) plan_.operations.push_back(std::move(operations.front()));
  }
  for (size_t i = 0; i < plan_.operations.size(); ++i) plan_.operations[i].id = static_cast<uint32_t>(i);
}

}  // namespace

Plan emit_plan(const WorkTable& table, const std::vector<Decision>& decisions, const LinkPlan& links, Renames renames,
               const Policy& policy) {
  Plan plan;
  plan.agreements = std::move(renames.moved);
  Emitter emitter(table, decisions, links, plan, policy);
  emitter.structure(std::move(renames.operations));
  for (size_t i = 0; i < table.rows.size(); ++i) emitter.row(i);
  emitter.finish();
  return plan;
}

}  // namespace twsync
