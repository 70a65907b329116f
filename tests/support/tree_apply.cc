// The pretended applier and recorder of World: every operation is checked against what it expects, in order.

#include "common/base/text.h"
#include "tests/support/tree_literals.h"

namespace twsync::testing {

bool World::has_children(Side side, const std::string& path) {
  const auto next = tree(side).upper_bound(path);
  return next != tree(side).end() && is_below(next->first, path);
}

std::string World::parent_problem(Side side, const std::string& path) {
  const std::string above(parent_path(path));
  if (above.empty()) return {};
  const auto it = tree(side).find(above);
  if (it == tree(side).end()) return "parent is missing";
  return it->second.kind == Kind::directory ? "" : "parent is no directory";
}

std::string World::check_expected(const Operation& op, const std::string& path) {
  const Entry now = entry(op.side, path);
  const Entry& expected = op.expected;
  if (now.kind != expected.kind) return str("expected ", to_string(expected.kind), ", found ", to_string(now.kind));
  if (!now.exists() || expected.stamp == Stamp{}) return {};
  if (now.stamp.inode != expected.stamp.inode) return "another inode";
  // By another name the plan itself has set its metadata: what is done comes to the same.
  const auto own = own_ctime_.find(now.stamp.inode);
  if (now.is_file() && own != own_ctime_.end()) {
    return now.stamp.ctime_ns != own->second ? "touched by somebody else" : "";
  }
  if (now.mode != expected.mode) return "another mode";
  if (now.is_directory()) return {};
  if (now.size != expected.size || now.mtime_ns != expected.mtime_ns) return "another fingerprint";
  if (now.is_symlink() && now.target != expected.target) return "another target";
  if (now.is_file() && expected.digest.known() && expected.digest != digest_of(tree(op.side).at(path).content)) {
    return "another content";
  }
  if (op.kind != OpKind::set_metadata || expected.stamp.ctime_ns == 0) return {};
  return now.stamp.ctime_ns != expected.stamp.ctime_ns ? "another ctime" : "";
}

void World::displace(const Operation& op) {
  const auto it = tree(op.side).find(op.path);
  if (it == tree(op.side).end()) return;
  if (it->second.kind != Kind::directory) displaced.emplace_back(it->second.content, op.cause);
  erase(op.side, op.path);
}

std::string World::apply_put(const Operation& op) {
  const auto source = tree(other(op.side)).find(op.path);
  if (source == tree(other(op.side)).end()) return "nothing at the source";
  const ModelNode& from = source->second;
  if (from.kind != op.desired.kind) return "another kind at the source";
  if (from.inode != op.desired.stamp.inode) return "another inode at the source";
  if (op.kind == OpKind::put_file) {
    if (from.content.size() != op.desired.size) return "another size at the source";
    if (op.desired.digest.known() && op.desired.digest != digest_of(from.content))
      return "another digest at the source";
  } else if (from.content != op.desired.target) {
    return "another target at the source";
  }
  if (op.expected.is_directory() && has_children(op.side, op.path)) return "the directory is not empty";
  const ModelNode copy = from;
  displace(op);
  ModelNode node;
  node.kind = copy.kind;
  node.content = copy.content;
  node.mode = op.desired.mode;
  node.mtime_ns = op.desired.mtime_ns;
  put(op.side, op.path, node);
  return {};
}

std::string World::apply_link(const Operation& op) {
  const auto from = tree(op.side).find(op.from);
  if (from == tree(op.side).end() || from->second.kind != Kind::file) return "nothing to link to";
  const Entry stands = entry(op.side, op.from);
  const Stamp& expected = op.desired.stamp;
  if (expected.inode == 0 && op.group == 0) return "linked to something unknown";
  if (expected.inode != 0 && expected.inode != stands.stamp.inode) return "another inode to link to";
  if (stands.size != op.desired.size) return "another size to link to";
  if (op.desired.digest.known() && op.desired.digest != digest_of(from->second.content)) {
    return "another content to link to";
  }
  if (op.expected.is_directory() && has_children(op.side, op.path)) return "the directory is not empty";
  displace(op);
  if (refuses_links_[static_cast<size_t>(op.side)]) {
    put(op.side, op.path, tree(op.side).at(op.from));
  } else {
    link(op.side, op.from, op.path);
  }
  return {};
}

std::string World::apply(const Operation& op) {
  const bool is_rename = op.kind == OpKind::rename;
  if (const auto problem = check_expected(op, is_rename ? op.from : op.path); !problem.empty()) return problem;
  if (const auto problem = parent_problem(op.side, op.path); !problem.empty()) return problem;
  switch (op.kind) {
    case OpKind::make_directory:
      if (op.expected.is_directory()) return "it is there already";
      displace(op);
      make_directory(op.side, op.path);
      tree(op.side).at(op.path).mode = op.desired.mode | kMadeDirectoryMode;
      return {};
    case OpKind::rename:
      if (tree(op.side).contains(op.path)) return "something is at the target";
      if (is_at_or_below(op.path, op.from)) return "into itself";
      rename(op.side, op.from, op.path);
      return {};
    case OpKind::put_file:
    case OpKind::put_symlink:
      return apply_put(op);
    case OpKind::link:
      return apply_link(op);
    case OpKind::set_metadata: {
      if (op.desired.kind != op.expected.kind) return "set_metadata changes the kind";
      const auto set = [&op](ModelNode& node) {
        node.mode = op.desired.mode;
        node.mtime_ns = op.desired.mtime_ns;
      };
      change_inode(op.side, tree(op.side).at(op.path).inode, set);
      return {};
    }
    case OpKind::remove:
      if (op.expected.is_directory()) return "remove of a directory";
      displace(op);
      return {};
    case OpKind::remove_directory:
      if (has_children(op.side, op.path)) return "not empty";
      displace(op);
      return {};
  }
  return "unknown operation";
}

std::string World::carry_out(const Plan& plan, size_t limit) {
  std::string problems;
  std::vector<const Operation*> applied;  // of one group: what became of it is looked at when all of it is done
  struct {
    ModelTree tree;
    std::vector<std::pair<std::string, LoserCause>> displaced;
    bool failed = false;
  } before;
  own_ctime_.clear();
  for (const Agreement& agreement : plan.agreements) agree(agreement);
  for (size_t i = 0; i < plan.operations.size(); ++i) {
    if (i == limit) return problems;
    const Operation& op = plan.operations[i];
    if (op.group != 0 && (i == 0 || plan.operations[i - 1].group != op.group)) {
      before = {tree(op.side), displaced, false};
    }
    if (op.id != i) problems += str("id of ", describe(op), "\n");
    applying_ = true;
    const std::string problem = apply(op);
    applying_ = false;
    if (problem.empty()) {
      applied.push_back(&op);
    } else {
      problems += str(describe(op), ": ", problem, "\n");
      before.failed = true;
    }
    const bool more = op.group != 0 && i + 1 < plan.operations.size() && plan.operations[i + 1].group == op.group;
    if (more) continue;
    if (op.group != 0 && before.failed) {  // all together or not at all
      tree(op.side) = before.tree;
      displaced = before.displaced;
      applied.clear();
    }
    for (const Operation* one : applied) record(*one);
    applied.clear();
  }
  return problems;
}

Entry World::known(Side side, const std::string& path) {
  auto& pending = pending_[static_cast<size_t>(side)];
  if (const auto it = pending.find(path); it != pending.end()) return it->second;
  const auto row = base.find(path);
  return row != base.end() ? held_entry(row->second, side) : Entry{};
}

void World::settle(const std::string& path, const AppliedEntry* applied) {
  const auto old = base.find(path);
  const auto row = merge_base(old != base.end() ? &old->second : nullptr, path, known(Side::code, path),
                              known(Side::deploy, path), policy, applied);
  if (row) {
    base[path] = *row;
    base[path].round = round;
  } else if (old != base.end()) {
    drop_row(path);
  }
}

void World::drop_row(const std::string& path) {
  const auto row = base.find(path);
  if (row == base.end()) return;
  dropped[path] = row->second;
  dropped[path].round = round;
  base.erase(row);
}

void World::record(const Operation& op) {
  if (op.kind == OpKind::rename) return record_rename(op);
  Entry now = entry(op.side, op.path);
  if (now.is_file()) now.digest = digest_of(tree(op.side).at(op.path).content);
  pending_[static_cast<size_t>(op.side)][op.path] = now;
  if (op.kind == OpKind::put_file) {
    Entry source = entry(other(op.side), op.path);
    source.digest = now.digest;
    pending_[static_cast<size_t>(other(op.side))][op.path] = source;
  }
  if (op.kind == OpKind::link) return record_link(op);
  Entry desired = op.desired;
  if (op.kind == OpKind::make_directory) desired.mode |= kMadeDirectoryMode;
  const AppliedEntry applied{op.side, desired};
  settle(op.path, &applied);
}

/// One more link moves the ctime of every name.
void World::refresh_names(Side side, uint64_t inode) {
  for (auto& [path, row] : base) {
    SideRecord& record = row.side(side);
    const Entry now = entry(side, path);
    const bool same = now.stamp.inode == inode && record.stamp.inode == inode && now.size == record.stamp.size &&
                      now.mtime_ns == record.stamp.mtime_ns &&
                      row.agreed.digest == digest_of(tree(side).at(path).content);
    if (!same) continue;
    record.stamp = now.stamp;
    record.links = now.links;
  }
}

/// The source of a link is not read: it is what its first name is, if it is one inode with that.
void World::record_link(const Operation& op) {
  const Side source = other(op.side);
  Entry there = known(source, op.path);
  if (there.is_file() && !there.digest.known() && there.stamp == entry(source, op.from).stamp) {
    there.digest = digest_of(tree(source).at(op.from).content);
    pending_[static_cast<size_t>(source)][op.path] = there;
  }
  const AppliedEntry applied{op.side, op.desired};
  settle(op.path, &applied);
  if (const auto row = base.find(op.path); row != base.end()) {
    row->second.side(op.side).apart = refuses_links_[static_cast<size_t>(op.side)];
  }
  refresh_names(op.side, tree(op.side).at(op.path).inode);
}

void World::record_rename(const Operation& op) {
  auto& mine = pending_[static_cast<size_t>(op.side)];
  auto& theirs = pending_[static_cast<size_t>(other(op.side))];
  const auto move = [&op](auto& items, auto at_new_path) {
    std::vector<typename std::decay_t<decltype(items)>::value_type> moved(items.begin(), items.end());
    for (auto& [path, value] : moved) {
      if (!is_at_or_below(path, op.from)) continue;
      items.erase(path);
      at_new_path(replace_prefix(path, op.from, op.path), value);
    }
  };
  move(mine, [&](const std::string& path, const Entry& e) { mine[path] = e; });
  move(theirs, [](const std::string&, const Entry&) {});
  std::vector<std::string> rows;
  move(base, [&](const std::string& path, BaseRow row) {
    dropped[row.path] = row;
    dropped[row.path].round = round;
    row.path = path;
    base[path] = row;
    rows.push_back(path);
    if (!theirs.contains(path)) theirs[path] = entry(other(op.side), path);
  });
  Entry now = entry(op.side, op.path);
  if (now.is_file()) now.digest = digest_of(tree(op.side).at(op.path).content);
  mine[op.path] = now;
  for (const std::string& path : rows) {
    if (known(Side::code, path).exists() || known(Side::deploy, path).exists()) settle(path, nullptr);
  }
}

void World::agree_on_move(const Agreement& agreement) {
  std::vector<std::pair<std::string, BaseRow>> rows(base.begin(), base.end());
  for (auto& [path, row] : rows) {
    if (!is_at_or_below(path, agreement.from)) continue;
    drop_row(path);
    row.path = replace_prefix(path, agreement.from, agreement.path);
    const bool fresh = base.emplace(row.path, row).second;
    for (auto& pending : pending_) {
      pending.erase(path);
      if (fresh) pending.try_emplace(row.path);
    }
  }
}

void World::forget_row(const std::string& path) {
  for (const Side s : {Side::code, Side::deploy}) {
    auto& pending = pending_[static_cast<size_t>(s)];
    const Entry now = known(s, path);
    pending.erase(path);
    if (now.exists()) pending[path] = now;
  }
  drop_row(path);
}

void World::agree(const Agreement& agreement) {
  switch (agreement.kind) {
    case AgreementKind::moved:
      return agree_on_move(agreement);
    case AgreementKind::anew:
      return forget_row(agreement.path);
    case AgreementKind::gone:
      drop_row(agreement.path);
      for (auto& pending : pending_) pending.erase(agreement.path);
      return;
    case AgreementKind::same:
      return settle(agreement.path, nullptr);
  }
}

}  // namespace twsync::testing
