// What goes together stands together; in a unit in an order that a crash may end anywhere.

#include <algorithm>
#include <tuple>

#include "common/base/rel_path.h"
#include "common/core/emitter.h"

namespace twsync {

namespace {

/// New names of what stands there already do not need each other.
bool only_links_to_others(const std::vector<Operation*>& group) {
  return std::all_of(group.begin(), group.end(), [](const Operation* op) { return op->kind == OpKind::link; });
}

/// Without content of its own a unit's deletion waits for that of others, as any deletion.
bool only_removals(const std::vector<Operation*>& group) {
  return std::all_of(group.begin(), group.end(), [](const Operation* op) { return op->kind == OpKind::remove; });
}

/// What an operation of a group may need of another: a place that is free, a directory, a file to link to.
int rank_of(const Operation& op) {
  switch (op.kind) {
    case OpKind::remove:
      return 0;
    case OpKind::remove_directory:
      return 1;
    case OpKind::make_directory:
      return 2;
    case OpKind::link:
      return 4;
    case OpKind::set_metadata:
      return 5;
    default:
      return 3;
  }
}

}  // namespace

/// R142: removals go with the rest of their unit, and of directories what belongs to a change of kind.
OpStage Emitter::stage_of(OpStage at, const Row& row, bool directory) const {
  const Membership member = all_.member(static_cast<size_t>(&row - rows_.data()));
  if (member.unit == 0 || member.above || (directory && !member.inner)) return at;
  return OpStage::content;
}

/// REQUIRES: units have rows, and `op` was made of one.
const Membership& Emitter::member_of(const Operation& op) const {
  const auto row = std::lower_bound(rows_.begin(), rows_.end(), op.path, [](const Row& one, const std::string& path) {
    return compare_paths(one.path, path) < 0;
  });
  return all_.members[static_cast<size_t>(row - rows_.begin())];
}

void Emitter::join_units() {
  if (all_.members.empty()) return;
  for (const OpStage at : {OpStage::early_removal, OpStage::content}) {
    for (Operation& op : stage(at)) {
      const Membership& member = member_of(op);
      if (member.unit == 0 || (at == OpStage::early_removal && op.kind != OpKind::remove)) continue;
      const auto [found, added] = unit_groups_.try_emplace({op.side, member.unit}, next_group_ + 1);
      if (added) ++next_group_;
      op.group = found->second;
    }
  }
}

/// R146
void Emitter::sort_unit(std::vector<Operation*>& group) const {
  std::map<std::string_view, uint32_t> puts;
  for (const Operation* op : group) {
    if (op->kind == OpKind::put_file) puts.emplace(op->path, member_of(*op).turn);
  }
  const auto key = [&](const Operation* op) {
    uint32_t turn = member_of(*op).turn;
    const auto lead = op->kind == OpKind::link ? puts.find(op->from) : puts.end();
    if (lead != puts.end()) turn = std::max(turn, lead->second);
    return std::tuple(turn, rank_of(*op));
  };
  std::stable_sort(group.begin(), group.end(), [&](const Operation* a, const Operation* b) {
    if (key(a) != key(b)) return key(a) < key(b);
    const bool up = rank_of(*a) < 2;  // a directory after what is below it
    return up ? compare_paths(b->path, a->path) < 0 : compare_paths(a->path, b->path) < 0;
  });
}

/// Each group stands where its first operation stood; an operation that is the only one of its group is alone.
void Emitter::bring_groups_together(OpStage at) {
  std::map<uint32_t, std::vector<Operation*>> groups;
  auto& operations = stage(at);
  for (Operation& op : operations) {
    if (op.group != 0) groups[op.group].push_back(&op);
  }
  if (groups.empty()) return;
  std::deque<Operation> ordered;
  for (Operation& op : operations) {
    if (op.group == 0) {
      ordered.push_back(std::move(op));
      continue;
    }
    const auto found = groups.find(op.group);
    if (found == groups.end()) continue;  // came with the first of its group
    std::vector<Operation*>& group = found->second;
    const bool unit = !all_.members.empty() && member_of(*group.front()).unit != 0;
    if (unit) sort_unit(group);
    const bool apart = group.size() == 1 || (!unit && only_links_to_others(group));
    const bool wait = at == OpStage::content && only_removals(group);
    for (Operation* one : group) {
      auto& out = wait ? stage(OpStage::removal) : ordered;
      out.push_back(std::move(*one));
      if (apart) out.back().group = 0;
      if (wait) out.back().stage = OpStage::removal;
    }
    groups.erase(found);
  }
  operations = std::move(ordered);
}

}  // namespace twsync
