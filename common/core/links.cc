#include "common/core/links.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "common/core/units.h"

namespace twsync {

namespace {

constexpr std::array kSides{Side::code, Side::deploy};

/// One file of the tree as it will be, that has several names on a side.
struct Named {
  size_t row = 0;
  bool follows[2] = {false, false};  ///< its links are as on that side
  bool stays[2] = {false, false};    ///< that side's content stays
  bool apart[2] = {false, false};    ///< that side is known not to hold its links
  uint64_t inode[2] = {0, 0};        ///< 0 = no file there
  size_t content = 0;                ///< index of a side whose content it is
};

/// Inodes of both sides that hold the same file, as sets (union-find).
class Inodes {
 public:
  size_t node(Side side, uint64_t inode) {
    const auto [found, added] = nodes_[index(side)].try_emplace(inode, parent_.size());
    if (added) parent_.push_back(parent_.size());
    return found->second;
  }
  bool known(Side side, uint64_t inode) const { return nodes_[index(side)].contains(inode); }
  size_t find(size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  void unite(size_t a, size_t b) { parent_[find(b)] = find(a); }

 private:
  std::unordered_map<uint64_t, size_t> nodes_[2];
  std::vector<size_t> parent_;
};

class LinkPlanner {
 public:
  LinkPlanner(const WorkTable& table, const Reconciled& all, const Policy& policy)
      : rows_(table.rows), all_(all), decisions_(all.decisions), policy_(policy) {}

  LinkPlan run() {
    for (size_t i = 0; i < rows_.size(); ++i) collect(i);
    if (files_.empty()) return {};
    for (auto& steps : plan_.steps) steps.resize(rows_.size());
    plan_.metadata.resize(rows_.size());
    std::iota(plan_.metadata.begin(), plan_.metadata.end(), size_t{0});
    sort_into_classes();
    for (const Side side : kSides) {
      std::unordered_map<uint64_t, size_t> taken;
      for (size_t c = 0; c < classes_.size(); ++c) settle(side, c, taken);
    }
    return std::move(plan_);
  }

 private:
  void collect(size_t i);
  void follow(Named& file, const Decision& d);
  bool moved(const Row& row, Side side) const;
  bool undone(const Row& row, Side side) const;
  bool was_linked(const Row& row) const;
  bool changed_on_both(const Row& row) const;
  bool known_apart(const Named& file, Side side) const;
  void sort_into_classes();
  void share_metadata(const std::vector<const Named*>& names);
  void settle(Side side, size_t which, std::unordered_map<uint64_t, size_t>& taken);
  const Named* home(Side side, size_t which) const;
  const Named* anchor(Side side, size_t which, std::unordered_map<uint64_t, size_t>& taken);
  void link_all(Side side, const std::vector<const Named*>& files, const Named* anchor);
  bool alike(const Named& a, const Named& b) const;
  uint64_t inode_at(const Row& row, Side side) const;

  const std::vector<Row>& rows_;
  const Reconciled& all_;
  const std::vector<Decision>& decisions_;
  const Policy& policy_;
  std::vector<Named> files_;
  Inodes inodes_;
  std::vector<std::vector<const Named*>> classes_;  // of files that shall be one, in the order of paths
  LinkPlan plan_;
};

uint64_t LinkPlanner::inode_at(const Row& row, Side side) const {
  if (kind_of(row, side) != Kind::file) return 0;
  const Entry* e = row.view[index(side)].entry;
  return e != nullptr ? e->stamp.inode : row.base->side(side).stamp.inode;
}

/// Another inode than the base knows there: that name was linked to something, or broken off. A file that had one name
/// and has one is only replaced.
bool LinkPlanner::moved(const Row& row, Side side) const {
  if (row.base == nullptr) return false;
  const SideRecord& record = row.base->side(side);
  return inode_at(row, side) != record.stamp.inode && (record.links > 1 || links_of(row, side) > 1);
}

/// R121: after an unclean stop an inode stands there that stood there before; nobody wished it back.
bool LinkPlanner::undone(const Row& row, Side side) const {
  const Entry* now = row.view[index(side)].entry;
  if (!policy_.doubt(side).active || row.base == nullptr || now == nullptr) return false;
  const Stamp& record = row.base->side(side).stamp;
  return now->stamp.inode != record.inode && now->stamp.ctime_ns < record.ctime_ns;
}

/// R127: refused once, and nobody gave that name another file since.
bool LinkPlanner::known_apart(const Named& file, Side side) const {
  const Row& row = rows_[file.row];
  return row.base != nullptr && row.base->side(side).apart && !moved(row, Side::code) && !moved(row, Side::deploy);
}

void LinkPlanner::collect(size_t i) {
  const Row& row = rows_[i];
  const Decision& d = decisions_[i];
  if (d.still) return;
  if (links_of(row, Side::code) < 2 && links_of(row, Side::deploy) < 2) return;
  Named file;
  file.row = i;
  for (const Side s : kSides) file.inode[index(s)] = inode_at(row, s);
  if (d.outcome == Outcome::same && kind_of(row, Side::code) == Kind::file) {
    file.stays[0] = file.stays[1] = true;
  } else if (d.outcome == Outcome::take && kind_of(row, d.winner) == Kind::file) {
    file.stays[index(d.winner)] = true;
  } else {
    return;
  }
  follow(file, d);
  for (const Side s : kSides) file.apart[index(s)] = known_apart(file, s);
  files_.push_back(file);
}

/// R120-R124: whose links count at this name.
void LinkPlanner::follow(Named& file, const Decision& d) {
  const Row& row = rows_[file.row];
  const auto only = [&file](Side side) {
    file.follows[index(side)] = true;
    file.content = index(side);
  };
  if (d.outcome == Outcome::take) return only(d.winner);
  if (undone(row, Side::code) != undone(row, Side::deploy))
    return only(undone(row, Side::code) ? Side::deploy : Side::code);
  const bool code = moved(row, Side::code);
  const bool deploy = moved(row, Side::deploy);
  if (code != deploy && was_linked(row) && !changed_on_both(row)) return only(code ? Side::code : Side::deploy);
  file.follows[0] = file.follows[1] = true;
}

bool LinkPlanner::was_linked(const Row& row) const {
  return row.base != nullptr && (row.base->code.links > 1 || row.base->deploy.links > 1);
}

/// To the same, for it is not in conflict: so it may be a group of which only a part was applied before a crash.
bool LinkPlanner::changed_on_both(const Row& row) const {
  return diff_of(row, Side::code, policy_).any() && diff_of(row, Side::deploy, policy_).any();
}

void LinkPlanner::sort_into_classes() {
  std::vector<size_t> nodes;
  for (const Named& file : files_) {
    std::optional<size_t> node;
    for (const Side s : kSides) {
      if (!file.follows[index(s)]) continue;
      const size_t mine = inodes_.node(s, file.inode[index(s)]);
      if (node) inodes_.unite(*node, mine);
      node = mine;
    }
    nodes.push_back(*node);
  }
  std::unordered_map<size_t, std::vector<const Named*>> files;
  std::vector<size_t> order;
  for (size_t i = 0; i < files_.size(); ++i) {
    auto& names = files[inodes_.find(nodes[i])];
    if (names.empty()) order.push_back(inodes_.find(nodes[i]));
    names.push_back(&files_[i]);
  }
  for (const size_t file : order) {
    share_metadata(files[file]);
    // R148: a unit has files of its own, so that it can go whole.
    std::map<uint32_t, std::vector<const Named*>> by_unit;
    for (const Named* name : files[file]) by_unit[all_.member(name->row).unit].push_back(name);
    for (auto& [unit, names] : by_unit) classes_.push_back(std::move(names));
  }
}

/// R126: of the first name that the base knows, else of the first.
void LinkPlanner::share_metadata(const std::vector<const Named*>& names) {
  const auto known = [this](const Named* file) {
    const BaseRow* base = rows_[file->row].base;
    return base != nullptr && base->agreed.is_file();
  };
  const auto first = std::find_if(names.begin(), names.end(), known);
  const Named* lead = first != names.end() ? *first : names.front();
  for (const Named* file : names) plan_.metadata[file->row] = lead->row;
}

/// A name that is on the side what it shall be; of the inode that has the most of them.
const Named* LinkPlanner::home(Side side, size_t which) const {
  const size_t k = index(side);
  std::unordered_map<uint64_t, size_t> names;
  const Named* best = nullptr;
  for (const Named* file : classes_[which]) {
    if (file->stays[k] && file->follows[k]) ++names[file->inode[k]];
  }
  for (const Named* file : classes_[which]) {
    if (!file->stays[k] || !file->follows[k]) continue;
    if (best == nullptr || names[file->inode[k]] > names[best->inode[k]]) best = file;
  }
  return best;
}

/// What the names of a class are linked to: one that stands on the side, and whose inode no other class needs.
const Named* LinkPlanner::anchor(Side side, size_t which, std::unordered_map<uint64_t, size_t>& taken) {
  if (const Named* file = home(side, which)) return file;
  const size_t k = index(side);
  for (const Named* file : classes_[which]) {
    if (!file->stays[k] || inodes_.known(side, file->inode[k])) continue;
    if (taken.try_emplace(file->inode[k], which).first->second == which) return file;
  }
  return nullptr;
}

/// A scan that looked at two names of a file at different moments may have seen two contents.
bool LinkPlanner::alike(const Named& a, const Named& b) const {
  Entry scratch_a;
  Entry scratch_b;
  const Entry& one = current(rows_[a.row], static_cast<Side>(a.content), scratch_a);
  const Entry& two = current(rows_[b.row], static_cast<Side>(b.content), scratch_b);
  return one.size == two.size && (!one.digest.known() || !two.digest.known() || one.digest == two.digest);
}

void LinkPlanner::settle(Side side, size_t which, std::unordered_map<uint64_t, size_t>& taken) {
  const size_t k = index(side);
  const Named* stands = anchor(side, which, taken);
  const bool stands_there_too = home(other(side), which) != nullptr;
  std::vector<const Named*> files;
  for (const Named* file : classes_[which]) {
    if (stands != nullptr && file->stays[k] && file->inode[k] == stands->inode[k]) continue;
    // What is about to be sent from here is not replaced meanwhile.
    const Decision& d = decisions_[file->row];
    if (d.outcome == Outcome::take && d.winner == side && !stands_there_too) continue;
    if (file->apart[k]) continue;
    if (stands != nullptr && !alike(*file, *stands)) continue;
    files.push_back(file);
  }
  link_all(side, files, stands);
}

void LinkPlanner::link_all(Side side, const std::vector<const Named*>& files, const Named* anchor) {
  auto& steps = plan_.steps[index(side)];
  if (anchor == nullptr && files.size() == 1) {
    if (files[0]->stays[index(side)]) steps[files[0]->row].act = LinkStep::Act::part;
    return;
  }
  size_t bytes = 0;
  for (const Named* file : files) {
    LinkStep& step = steps[file->row];
    if (anchor == nullptr && file == files.front()) {
      step = {LinkStep::Act::lead, ++plan_.groups, false, 0};
      continue;
    }
    const Named* lead = anchor != nullptr ? anchor : files.front();
    bytes += kOperationBytes + rows_[file->row].path.size() + rows_[lead->row].path.size();
    const bool together = anchor == nullptr && bytes <= kGroupBytes;
    step = {LinkStep::Act::link, together ? plan_.groups : 0, anchor != nullptr, lead->row};
  }
}

}  // namespace

LinkPlan plan_links(const WorkTable& table, const Reconciled& all, const Policy& policy) {
  if (!policy.preserve_hardlinks) return {};
  return LinkPlanner(table, all, policy).run();
}

}  // namespace twsync
