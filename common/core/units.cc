#include "common/core/units.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/core/choose.h"
#include "common/core/metadata.h"
#include "common/core/reconcile.h"
#include "common/core/relations.h"

namespace twsync {

namespace {

constexpr std::array kSides{Side::code, Side::deploy};

bool content_changed(const EntryDiff& diff) {
  return diff.kind || diff.content || diff.content_unknown;
}

/// Rows [begin, end) of the table.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

class UnitMaker {
 public:
  UnitMaker(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, Reconciled& all)
      : rows_(rows), relations_(relations), policy_(policy), all_(all) {}

  void run() {
    for (size_t i = 0; i < rows_.size();) {
      const auto unit = unit_of(policy_, rows_[i].path);
      Range range{i, i + 1};
      if (unit) {
        while (range.end < rows_.size() && is_at_or_below(rows_[range.end].path, policy_.units[*unit])) ++range.end;
        all_.members.resize(rows_.size());
        settle(*unit, range);
      }
      i = range.end;
    }
  }

 private:
  void settle(size_t unit, const Range& range);
  bool goes_with_what_is_above(size_t unit, size_t first) const;
  bool fits(const Range& range) const;
  bool changed(size_t i, Side side) const;
  bool is_contested(const Range& range) const;
  bool any_parked(const Range& range) const;
  std::optional<Side> winner_of(size_t unit, const Range& range) const;
  std::optional<int64_t> newest(const Range& range, Side side) const;
  void take_whole(const Range& range, Side winner);
  void take(size_t i, Side winner);
  void order(const Range& range, Side winner);
  void directories_in_turn(const Range& range);
  void mark_changes_of_kind(const Range& range);
  void hold(const Range& range);
  bool has_work(size_t i) const;
  void park(size_t unit, const Range& range);
  void tell_held(size_t unit, const Range& range, ParkedReason reason, Side side, std::string why);

  const std::vector<Row>& rows_;
  const Relations& relations_;
  const Policy& policy_;
  Reconciled& all_;
};

void UnitMaker::settle(size_t unit, const Range& range) {
  const bool above = goes_with_what_is_above(unit, range.begin);
  if (!above) {
    const auto first = all_.decisions.begin();
    const auto held =
        std::find_if(first + static_cast<std::ptrdiff_t>(range.begin), first + static_cast<std::ptrdiff_t>(range.end),
                     [](const Decision& d) { return d.outcome == Outcome::held && !d.parked; });
    if (held != first + static_cast<std::ptrdiff_t>(range.end)) {  // R145
      const Row& row = rows_[static_cast<size_t>(held - first)];
      const Side side = kind_of(row, Side::code) == Kind::other ? Side::code : Side::deploy;
      return tell_held(unit, range, ParkedReason::kind_unsupported, side,
                       str(escape_bytes(row.path), " can't be synced on the ", to_string(side), " side"));
    }
    const bool contested = is_contested(range);
    if (contested || any_parked(range)) {
      const auto winner = contested ? winner_of(unit, range) : std::nullopt;
      if (!winner) return park(unit, range);
      take_whole(range, *winner);
      order(range, *winner);
    }
  }
  if (!fits(range)) {  // R147
    if (above) return;
    return tell_held(unit, range, ParkedReason::failed, Side::deploy,
                     str(range.end - range.begin, " changes are more than can be applied together"));
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    all_.members[i].unit = static_cast<uint32_t>(unit + 1);
    all_.members[i].above = above;
  }
  if (!above) mark_changes_of_kind(range);
}

/// R28: a directory above it becomes something else, or is taken whole.
bool UnitMaker::goes_with_what_is_above(size_t unit, size_t first) const {
  for (size_t i = first; i != kNoParent; i = relations_.parent[i]) {
    const Row& row = rows_[i];
    if (!is_below(policy_.units[unit], row.path)) continue;
    const Kind code = kind_of(row, Side::code);
    const Kind deploy = kind_of(row, Side::deploy);
    if (code != deploy && code != Kind::none && deploy != Kind::none) return true;
  }
  return false;
}

bool UnitMaker::fits(const Range& range) const {
  size_t bytes = 0;
  for (size_t i = range.begin; i < range.end; ++i) {
    if (all_.decisions[i].outcome != Outcome::take && all_.decisions[i].outcome != Outcome::same) continue;
    bytes += kOperationBytes + rows_[i].path.size();
    for (const View& view : rows_[i].view) {
      if (view.entry != nullptr) bytes += view.entry->target.size() + view.entry->xattrs.str().size();
    }
  }
  return bytes <= kGroupBytes;
}

/// What is damage changes nothing: it is repaired from the other side whoever wins (R109, R110).
bool UnitMaker::changed(size_t i, Side side) const {
  const Decision& d = all_.decisions[i];
  if (d.outcome != Outcome::take && !d.parked) return false;
  return content_changed(diff_of(rows_[i], side, policy_)) && !is_suspect(rows_[i], side);
}

bool UnitMaker::is_contested(const Range& range) const {
  bool any[2] = {false, false};
  for (size_t i = range.begin; i < range.end; ++i) {
    for (const Side s : kSides) any[index(s)] = any[index(s)] || changed(i, s);
  }
  return any[0] && any[1];
}

bool UnitMaker::any_parked(const Range& range) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (all_.decisions[i].parked) return true;
  }
  return false;
}

std::optional<Side> UnitMaker::winner_of(size_t unit, const Range& range) const {
  switch (policy_.conflicts_at(policy_.units[unit])) {
    case ConflictPolicy::manual:
      return std::nullopt;
    case ConflictPolicy::code_server:
      return Side::code;
    case ConflictPolicy::deploy_server:
      return Side::deploy;
    case ConflictPolicy::newer:
      break;
  }
  return newest(range, Side::deploy) > newest(range, Side::code) ? Side::deploy : Side::code;
}

std::optional<int64_t> UnitMaker::newest(const Range& range, Side side) const {
  std::optional<int64_t> time;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Entry* e = rows_[i].view[index(side)].entry;
    if (e == nullptr || (!e->is_file() && !e->is_symlink()) || !changed(i, side)) continue;
    time = std::max(time, plausible_time(side, *e, policy_));
  }
  return time;
}

/// R143
void UnitMaker::take_whole(const Range& range, Side winner) {
  std::string_view top;  // what changes its kind, and is decided together with everything below it
  Side of_top = winner;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Row& row = rows_[i];
    Decision& d = all_.decisions[i];
    if (!top.empty() && is_below(row.path, top)) {
      if (d.outcome == Outcome::take && d.winner != of_top) take(i, of_top);
      continue;
    }
    const bool damage = is_suspect(row, Side::code) || is_suspect(row, Side::deploy);
    if (d.parked || (d.outcome == Outcome::take && d.winner != winner && !damage)) take(i, winner);
    const Kind code = kind_of(row, Side::code);
    const Kind deploy = kind_of(row, Side::deploy);
    const bool directory = code == Kind::directory || deploy == Kind::directory;
    if (directory && code != deploy && code != Kind::none && deploy != Kind::none) {
      top = row.path;
      of_top = all_.decisions[i].winner;
    }
  }
}

void UnitMaker::take(size_t i, Side winner) {
  const Row& row = rows_[i];
  const Side loser = other(winner);
  const Kind lost = kind_of(row, loser);
  Decision d;
  d.outcome = Outcome::take;
  d.winner = winner;
  d.whole = true;
  d.anew = !holds_nothing(row, winner) && lost == Kind::none && row.base != nullptr;
  if (has_own_content(row, loser, policy_)) {
    d.cause = LoserCause::conflict;
    if (lost == Kind::file || lost == Kind::symlink) d.rule = "R143";
  }
  if (is_suspect(row, loser)) d.cause = LoserCause::suspect;
  if (holds_nothing(row, winner) && lost == Kind::none) d = Decision{.outcome = Outcome::gone};
  all_.decisions[i] = d;
}

/// R146: what the loser alone changed first, what both did next, by the winner's time. However far it comes, the winner
/// still has what made it win.
void UnitMaker::order(const Range& range, Side winner) {
  constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();
  constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();
  std::vector<std::pair<int64_t, size_t>> by_time;
  for (size_t i = range.begin; i < range.end; ++i) {
    const bool won = changed(i, winner);
    const bool lost = changed(i, other(winner));
    all_.members[i].turn = won || !lost ? kLast : 0;
    if (!won || !lost) continue;
    const Entry* e = rows_[i].view[index(winner)].entry;
    const bool dated = e != nullptr && (e->is_file() || e->is_symlink());
    by_time.emplace_back(dated ? plausible_time(winner, *e, policy_).value_or(kNoTime) : kNoTime, i);
  }
  std::sort(by_time.begin(), by_time.end());
  uint32_t turn = 1;
  for (size_t n = 0; n < by_time.size(); ++n) {
    if (n > 0 && by_time[n].first != by_time[n - 1].first) ++turn;
    all_.members[by_time[n].second].turn = turn;
  }
  directories_in_turn(range);
}

/// What goes with a directory that goes comes before it, what comes with one that comes after it.
void UnitMaker::directories_in_turn(const Range& range) {
  const auto parent_in_unit = [&](size_t i) {
    const size_t parent = relations_.parent[i];
    const bool taken = parent != kNoParent && parent >= range.begin && all_.decisions[parent].outcome == Outcome::take;
    return taken ? parent : kNoParent;
  };
  for (size_t i = range.end; i-- > range.begin;) {
    const size_t parent = parent_in_unit(i);
    if (parent == kNoParent || kind_of(rows_[parent], all_.decisions[parent].winner) == Kind::directory) continue;
    all_.members[parent].turn = std::max(all_.members[parent].turn, all_.members[i].turn);
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    const size_t parent = parent_in_unit(i);
    if (parent == kNoParent || kind_of(rows_[parent], all_.decisions[parent].winner) != Kind::directory) continue;
    all_.members[i].turn = std::max(all_.members[i].turn, all_.members[parent].turn);
  }
}

/// R142: a directory that takes the place of something else, or leaves it to that, does so with the files.
void UnitMaker::mark_changes_of_kind(const Range& range) {
  std::string_view top;
  Side of_top = Side::code;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Row& row = rows_[i];
    Decision& d = all_.decisions[i];
    if (!top.empty() && is_below(row.path, top)) {
      all_.members[i].inner = true;
      d.early = d.outcome == Outcome::take && holds_nothing(row, d.winner) && d.winner == of_top;
      continue;
    }
    d.early = false;
    const Kind code = kind_of(row, Side::code);
    const Kind deploy = kind_of(row, Side::deploy);
    const bool directory = code == Kind::directory || deploy == Kind::directory;
    if (d.outcome != Outcome::take || !directory || code == deploy) continue;
    if (code == Kind::none || deploy == Kind::none) continue;
    top = row.path;
    of_top = d.winner;
    all_.members[i].inner = true;
  }
}

bool UnitMaker::has_work(size_t i) const {
  const Decision& d = all_.decisions[i];
  if (d.outcome == Outcome::take || d.parked) return true;
  if (d.outcome != Outcome::same) return false;
  Entry a;
  Entry b;
  const Entry& code = current(rows_[i], Side::code, a);
  const Entry& deploy = current(rows_[i], Side::deploy, b);
  const MergedMetadata merged = merge_metadata({rows_[i], code, deploy, std::nullopt, false}, policy_);
  return merged.change[0] || merged.change[1];
}

void UnitMaker::hold(const Range& range) {
  for (size_t i = range.begin; i < range.end; ++i) {
    Decision& d = all_.decisions[i];
    if (d.outcome == Outcome::gone || d.unsupported) continue;
    const bool still = d.outcome == Outcome::same && !has_work(i);
    d = Decision{.outcome = still ? Outcome::same : Outcome::held, .still = still};
  }
}

void UnitMaker::tell_held(size_t unit, const Range& range, ParkedReason reason, Side side, std::string why) {
  bool work = false;
  for (size_t i = range.begin; i < range.end && !work; ++i) work = has_work(i);
  hold(range);
  if (!work) return;
  all_.parked.push_back(
      {reason, side, policy_.units[unit], str("nothing of it is carried, as it goes together or not at all: ", why)});
}

/// R144
void UnitMaker::park(size_t unit, const Range& range) {
  hold(range);
  const std::string& root = policy_.units[unit];
  Conflict& c = all_.conflicts.emplace_back();
  c.path = root;
  c.rule = "R144";
  c.code.kind = c.deploy.kind = Kind::directory;
  if (rows_[range.begin].path == root) {
    Entry scratch;
    c.code = current(rows_[range.begin], Side::code, scratch);
    c.deploy = current(rows_[range.begin], Side::deploy, scratch);
  }
  all_.parked.push_back({ParkedReason::manual_conflict, Side::code, root, "changed on both sides"});
}

}  // namespace

std::optional<size_t> unit_of(const Policy& policy, std::string_view path) {
  if (policy.units.empty()) return std::nullopt;
  const auto after = std::upper_bound(policy.units.begin(), policy.units.end(), path, PathLess{});
  if (after == policy.units.begin() || !is_at_or_below(path, *std::prev(after))) return std::nullopt;
  return static_cast<size_t>(std::prev(after) - policy.units.begin());
}

bool is_inside_unit(const Policy& policy, std::string_view path) {
  const auto unit = unit_of(policy, path);
  return unit && policy.units[*unit] != path;
}

void make_units_whole(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, Reconciled& all) {
  if (!policy.units.empty()) UnitMaker(rows, relations, policy, all).run();
}

}  // namespace twsync
