#include "common/core/emit.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <string>

#include "common/core/metadata.h"

namespace twsync {

namespace {

class Emitter {
 public:
  Emitter(Plan& plan, const Policy& policy) : plan_(plan), policy_(policy) {}

  void structure(std::vector<Operation> operations) {
    stage(OpStage::structure)
        .assign(std::make_move_iterator(operations.begin()), std::make_move_iterator(operations.end()));
  }
  void row(const Row& row, const Decision& decision);
  void finish();

 private:
  std::deque<Operation>& stage(OpStage s) { return stages_[static_cast<size_t>(s)]; }
  Operation& add(OpKind kind, OpStage at, Side side, const Row& row);
  void report(const Row& row, const Decision& d);
  void agree(const Row& row);
  void merge(const Row& row);
  void take(const Row& row, const Decision& d);
  void remove(const Row& row, const Decision& d, const Entry& expected);
  void make_directory(const Row& row, const Decision& d, const Entry& expected, const Entry& desired);
  void set_metadata(const Row& row, Side side, const Entry& expected, const Entry& desired);

  Plan& plan_;
  const Policy& policy_;
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

void Emitter::row(const Row& row, const Decision& d) {
  report(row, d);
  switch (d.outcome) {
    case Outcome::held:
      return;
    case Outcome::gone:
      if (row.base != nullptr) plan_.agreements.push_back({AgreementKind::gone, std::string(row.recorded), {}});
      return;
    case Outcome::same:
      return merge(row);
    case Outcome::take:
      return take(row, d);
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
  if (!row.renaming) plan_.agreements.push_back({AgreementKind::same, std::string(row.path), {}});
}

/// A rename of this plan moves the inode's ctime on, so it cannot be compared any more.
void forget_ctime(Entry& expected, const Row& row, Side side) {
  const PathState* origin = row.view[index(side)].origin;
  const std::string_view scanned = origin != nullptr ? std::string_view(origin->path) : row.base->path;
  if (row.renaming && scanned != row.path) expected.stamp.ctime_ns = 0;
}

void Emitter::set_metadata(const Row& row, Side side, const Entry& expected, const Entry& desired) {
  const OpStage at = desired.is_directory() ? OpStage::directory_metadata : OpStage::content;
  Operation& op = add(OpKind::set_metadata, at, side, row);
  op.expected = expected;
  forget_ctime(op.expected, row, side);
  op.desired = desired;
}

void Emitter::merge(const Row& row) {
  Entry a;
  Entry b;
  const Entry& code = current(row, Side::code, a);
  const Entry& deploy = current(row, Side::deploy, b);
  const MergedMetadata merged = merge_metadata({row, code, deploy, std::nullopt, false}, policy_);
  if (!merged.change[0] && !merged.change[1]) return agree(row);
  if (merged.change[0]) set_metadata(row, Side::code, code, merged.desired[0]);
  if (merged.change[1]) set_metadata(row, Side::deploy, deploy, merged.desired[1]);
}

void Emitter::take(const Row& row, const Decision& d) {
  const Side target = other(d.winner);
  Entry a;
  Entry b;
  const Entry& source = current(row, d.winner, a);
  const Entry& expected = current(row, target, b);
  if (d.anew) plan_.agreements.push_back({AgreementKind::anew, std::string(row.recorded), {}});
  if (!source.exists()) return remove(row, d, expected);
  MergedMetadata merged;
  merged.merged = source;
  if (source.kind == expected.kind) {
    const Entry& code = d.winner == Side::code ? source : expected;
    const Entry& deploy = d.winner == Side::code ? expected : source;
    merged = merge_metadata({row, code, deploy, d.winner, d.contested}, policy_);
  }
  if (source.is_directory()) return make_directory(row, d, expected, merged.merged);
  const OpKind kind = source.is_file() ? OpKind::put_file : OpKind::put_symlink;
  Operation& op = add(kind, OpStage::content, target, row);
  op.cause = d.cause;
  op.expected = expected;
  op.desired = merged.merged;
  if (merged.change[index(d.winner)]) set_metadata(row, d.winner, source, merged.desired[index(d.winner)]);
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

void Emitter::finish() {
  for (const OpStage s : {OpStage::early_removal, OpStage::directory_removal, OpStage::directory_metadata}) {
    std::reverse(stage(s).begin(), stage(s).end());
  }
  size_t total = 0;
  for (const auto& operations : stages_) total += operations.size();
  plan_.operations.reserve(total);
  for (auto& operations : stages_) {
    for (; !operations.empty(); operations.pop_front()) plan_.operations.push_back(std::move(operations.front()));
  }
  for (size_t i = 0; i < plan_.operations.size(); ++i) plan_.operations[i].id = static_cast<uint32_t>(i);
}

}  // namespace

Plan emit_plan(const WorkTable& table, const std::vector<Decision>& decisions, Renames renames, const Policy& policy) {
  Plan plan;
  plan.agreements = std::move(renames.moved);
  Emitter emitter(plan, policy);
  emitter.structure(std::move(renames.operations));
  for (size_t i = 0; i < table.rows.size(); ++i) emitter.row(table.rows[i], decisions[i]);
  emitter.finish();
  return plan;
}

}  // namespace twsync
