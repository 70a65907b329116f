#include "common/core/renames.h"

#include <algorithm>

#include "common/core/choose.h"
#include "common/core/rename_candidates.h"
#include "common/core/units.h"

namespace twsync {

namespace {

class RenameSearch {
 public:
  RenameSearch(WorkTable& table, const Policy& policy) : map_(table), policy_(policy) {}

  Renames run(WorkTable& table) {
    settle(directory_candidates(map_, policy_));
    settle(file_candidates(map_, policy_, result_.digests));
    map_.release(table);
    return std::move(result_);
  }

 private:
  void settle(std::vector<Candidate> candidates);
  bool try_accept(Candidate& candidate);
  bool still_stands(const Candidate& candidate);
  bool looks_moved(const Candidate& candidate);
  bool locate(const Candidate& candidate, Move& move);
  const Candidate* counterpart(const Candidate& candidate) const;
  bool crosses(const std::string& path) const;
  bool is_open_target(std::string_view path) const;
  bool target_is_free(const Move& move);
  bool parent_will_stand(const Move& move, std::vector<Row*>& missing);
  void perform(Move& move, const std::vector<Row*>& missing);
  void follow(const Move& move);

  RenameMap map_;
  const Policy& policy_;
  Renames result_;
  std::vector<Candidate> candidates_;
};

/// One accepted rename may be what the next one waits for (its parent arrives), so go round until nothing moves.
void RenameSearch::settle(std::vector<Candidate> candidates) {
  candidates_ = std::move(candidates);
  for (bool progress = true; progress;) {
    progress = false;
    for (Candidate& candidate : candidates_) {
      if (!candidate.done && try_accept(candidate)) progress = true;
    }
  }
}

bool RenameSearch::try_accept(Candidate& candidate) {
  const bool inside = is_inside_unit(policy_, candidate.from) || is_inside_unit(policy_, candidate.to);
  if (candidate.from == candidate.to || inside) {  // R46: it came along with a directory above it; R140
    candidate.done = true;
    return false;
  }
  if (!still_stands(candidate) || !looks_moved(candidate)) return false;
  Move move;
  if (!locate(candidate, move)) return false;
  if (map_.has_base_at_or_below(candidate.to)) return false;  // half recorded already: first let the base settle
  std::vector<Row*> missing;
  if (!move.agreed && (!target_is_free(move) || !parent_will_stand(move, missing))) return false;
  candidate.done = true;
  perform(move, missing);
  return true;
}

bool RenameSearch::still_stands(const Candidate& candidate) {
  const Row* from = map_.find(candidate.from);
  const Row* to = map_.find(candidate.to);
  if (from == nullptr || to == nullptr || from->base == nullptr || to->base != nullptr) return false;
  return holds_nothing(*from, candidate.side) && kind_of(*to, candidate.side) == from->base->agreed.kind;
}

/// R45: inode numbers are used again. A directory of which not one child came along is another directory.
bool RenameSearch::looks_moved(const Candidate& candidate) {
  const Row* from = map_.find(candidate.from);
  if (!from->base->agreed.is_directory()) return true;
  bool had_children = false;
  const auto& rows = map_.rows();
  for (auto it = rows.upper_bound(candidate.from); it != rows.end() && is_below(it->first, candidate.from); ++it) {
    if (it->second.base == nullptr || parent_path(it->first) != candidate.from) continue;
    had_children = true;
    const Row* child = map_.find(join_path(candidate.to, base_name(it->first)));
    if (child != nullptr && !holds_nothing(*child, candidate.side)) return true;
  }
  return !had_children;
}

const Candidate* RenameSearch::counterpart(const Candidate& candidate) const {
  const auto found = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
    return c.side != candidate.side && !c.done && c.from == candidate.from;
  });
  return found == candidates_.end() ? nullptr : &*found;
}

/// Where the other side has what `candidate` moved: still at its old place (R40), or moved as well (R42, R43).
bool RenameSearch::locate(const Candidate& candidate, Move& move) {
  const Row* from = map_.find(candidate.from);
  const Side target = other(candidate.side);
  move = {target, candidate.from, candidate.from, candidate.to, false, {}};
  if (kind_of(*from, target) == from->base->agreed.kind) return true;
  if (!holds_nothing(*from, target)) return false;
  const Candidate* twin = counterpart(candidate);
  if (twin == nullptr || !still_stands(*twin)) return false;
  if (twin->to == candidate.to) {
    move.agreed = true;
    return true;
  }
  const ConflictPolicy conflicts = policy_.conflicts_at(candidate.from);
  if (conflicts == ConflictPolicy::manual || candidate.side != preferred_side(conflicts)) return false;
  const Row* place = map_.find(twin->to);
  if (!holds_nothing(*place, candidate.side)) return false;
  if (crosses(twin->to) || map_.has_base_at_or_below(twin->to)) return false;
  move.from = twin->to;
  return true;
}

/// Something at or below `path` was made or moved there by an operation that is planned already.
bool RenameSearch::crosses(const std::string& path) const {
  const auto& rows = map_.rows();
  for (auto it = rows.lower_bound(path); it != rows.end() && is_at_or_below(it->first, path); ++it) {
    if (it->second.made[0] || it->second.made[1] || it->second.renaming) return true;
  }
  return false;
}

/// A new directory that may turn out to be a moved one: whoever goes into it has to wait until that is decided.
bool RenameSearch::is_open_target(std::string_view path) const {
  return std::any_of(candidates_.begin(), candidates_.end(),
                     [path](const Candidate& c) { return !c.done && c.to == path; });
}

bool RenameSearch::target_is_free(const Move& move) {
  const Row* to = map_.find(move.to);
  if (to != nullptr && (!holds_nothing(*to, move.side) || to->made[index(move.side)])) return false;
  return !is_at_or_below(move.to, move.from);  // R44
}

/// `missing`: directories above the target that are new on the side that moved it; innermost first.
bool RenameSearch::parent_will_stand(const Move& move, std::vector<Row*>& missing) {
  for (std::string_view path = move.to; !path.empty();) {
    path = parent_path(path);
    Row* row = path.empty() ? nullptr : map_.find(path);
    if (row == nullptr || row->made[index(move.side)]) return true;
    if (kind_of(*row, move.side) == Kind::directory) return true;
    if (row->base != nullptr || !holds_nothing(*row, move.side) || is_open_target(path)) return false;
    missing.push_back(row);
  }
  return true;
}

void RenameSearch::perform(Move& move, const std::vector<Row*>& missing) {
  for (auto it = missing.rbegin(); it != missing.rend(); ++it) {
    Row& row = **it;
    row.made[index(move.side)] = true;
    Operation make;
    make.kind = OpKind::make_directory;
    make.stage = OpStage::structure;
    make.side = move.side;
    make.path = row.path;
    make.desired = *row.view[index(other(move.side))].entry;
    result_.operations.push_back(std::move(make));
  }
  if (move.apart()) {
    move.recorded = map_.recorded_place(move.agreed ? move.to : move.from);
    result_.moved.push_back({AgreementKind::moved, move.recorded, map_.recorded_place(move.base_from)});
  }
  if (!move.agreed) {
    Operation rename;
    rename.kind = OpKind::rename;
    rename.stage = OpStage::structure;
    rename.side = move.side;
    rename.path = move.to;
    rename.from = move.from;
    Entry scratch;
    rename.expected = current(*map_.find(move.from), move.side, scratch);
    rename.desired = rename.expected;
    result_.operations.push_back(std::move(rename));
  }
  const bool subtree = map_.find(move.base_from)->base->agreed.is_directory();
  map_.apply(move);
  if (subtree || move.apart()) follow(move);
}

/// Keeps the other candidates in the new coordinates.
void RenameSearch::follow(const Move& move) {
  for (Candidate& c : candidates_) {
    if (c.done) continue;
    const std::string& above = is_at_or_below(c.from, move.base_from) ? move.base_from : move.from;
    if (is_at_or_below(c.from, above)) c.from = replace_prefix(c.from, above, move.to);
    const bool views_moved = !move.agreed && c.side == move.side;
    if (views_moved && is_at_or_below(c.to, move.from)) c.to = replace_prefix(c.to, move.from, move.to);
  }
}

bool anything_vanished(const WorkTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(), [](const Row& row) {
    return row.base != nullptr && (holds_nothing(row, Side::code) || holds_nothing(row, Side::deploy));
  });
}

bool anything_new(const WorkTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(), [](const Row& row) { return row.base == nullptr; });
}

}  // namespace

Renames follow_renames(WorkTable& table, const Policy& policy) {
  if (!anything_vanished(table) || !anything_new(table)) return {};
  return RenameSearch(table, policy).run(table);
}

}  // namespace twsync
