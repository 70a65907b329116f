#include "common/core/unit_turns.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/rel_path.h"
#include "common/core/choose.h"

namespace twsync {

namespace {

bool says_nothing(Kind kind) {
  return kind == Kind::none || kind == Kind::directory;
}

Kind base_kind(const Row& row) {
  return row.base != nullptr ? row.base->agreed.kind : Kind::none;
}

/// A directory where the loser, or else the base, has something else; or the reverse.
bool changes_kind(const Row& row, Side winner) {
  const Kind won = kind_of(row, winner);
  const Kind lost = kind_of(row, other(winner));
  if (won == Kind::directory) return lost == Kind::none ? !says_nothing(base_kind(row)) : lost != Kind::directory;
  return won != Kind::none && lost == Kind::directory;
}

/// What goes with a directory that goes comes before it, what comes with one that comes after it.
void directories_in_turn(const std::vector<Row>& rows, const Relations& relations, const UnitRows& range,
                         Reconciled& all) {
  const auto parent_in_unit = [&](size_t i) {
    const size_t parent = relations.parent[i];
    const bool taken = parent != kNoParent && parent >= range.begin && all.decisions[parent].outcome == Outcome::take;
    return taken ? parent : kNoParent;
  };
  for (size_t i = range.end; i-- > range.begin;) {
    const size_t parent = parent_in_unit(i);
    if (parent == kNoParent || kind_of(rows[parent], all.decisions[parent].winner) == Kind::directory) continue;
    all.members[parent].turn = std::max(all.members[parent].turn, all.members[i].turn);
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    const size_t parent = parent_in_unit(i);
    if (parent == kNoParent || !all.members[parent].inner) continue;
    if (kind_of(rows[parent], all.decisions[parent].winner) != Kind::directory) continue;
    all.members[i].turn = std::max(all.members[i].turn, all.members[parent].turn);
  }
}

}  // namespace

bool changes_unit(const Row& row, const Decision& d, Side side, const Policy& policy) {
  if (d.outcome != Outcome::take && !d.parked) return false;
  if (says_nothing(base_kind(row)) && says_nothing(kind_of(row, side))) return false;
  const EntryDiff diff = diff_of(row, side, policy);
  return (diff.kind || diff.content || diff.content_unknown) && !is_suspect(row, side);
}

void give_turns(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, const UnitRows& range,
                Side winner, Reconciled& all) {
  constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();
  constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();
  std::vector<std::pair<int64_t, size_t>> by_time;
  for (size_t i = range.begin; i < range.end; ++i) {
    const bool won = changes_unit(rows[i], all.decisions[i], winner, policy);
    const bool lost = changes_unit(rows[i], all.decisions[i], other(winner), policy);
    all.members[i].turn = won || all.decisions[i].outcome == Outcome::same ? kLast : 0;
    if (!won || !lost) continue;
    const Entry* e = rows[i].view[index(winner)].entry;
    const bool dated = e != nullptr && (e->is_file() || e->is_symlink());
    by_time.emplace_back(dated ? plausible_time(winner, *e, policy).value_or(kNoTime) : kNoTime, i);
  }
  std::sort(by_time.begin(), by_time.end());
  uint32_t turn = 1;
  for (size_t n = 0; n < by_time.size(); ++n) {
    if (n > 0 && by_time[n].first != by_time[n - 1].first) ++turn;
    all.members[by_time[n].second].turn = turn;
  }
  directories_in_turn(rows, relations, range, all);
}

void mark_changes_of_kind(const std::vector<Row>& rows, const UnitRows& range, Reconciled& all) {
  std::string_view top;
  Side of_top = Side::code;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Row& row = rows[i];
    Decision& d = all.decisions[i];
    if (!top.empty() && is_below(row.path, top)) {
      all.members[i].inner = true;
      d.early = d.outcome == Outcome::take && holds_nothing(row, d.winner) && d.winner == of_top;
      continue;
    }
    d.early = false;
    if (d.outcome != Outcome::take || !changes_kind(row, d.winner)) continue;
    top = row.path;
    of_top = d.winner;
    all.members[i].inner = true;
  }
}

}  // namespace twsync
