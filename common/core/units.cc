#include "common/core/units.h"

#include <algorithm>
#include <iterator>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/core/choose.h"
#include "common/core/metadata.h"
#include "common/core/reconcile.h"
#include "common/core/relations.h"
#include "common/core/unit_turns.h"

namespace twsync {

namespace {

class UnitMaker {
 public:
  UnitMaker(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, Reconciled& all)
      : rows_(rows), relations_(relations), policy_(policy), all_(all) {}

  void run() {
    for (size_t i = 0; i < rows_.size();) {
      const auto unit = unit_of(policy_, rows_[i].path);
      UnitRows range{i, i + 1};
      if (unit) {
        while (range.end < rows_.size() && is_at_or_below(rows_[range.end].path, policy_.units[*unit])) ++range.end;
        all_.members.resize(rows_.size());
        settle(*unit, range);
      }
      i = range.end;
    }
  }

 private:
  void settle(size_t unit, const UnitRows& range);
  bool is_held(size_t unit, const UnitRows& range);
  bool decide(size_t unit, const UnitRows& range);
  const Decision* decided_above(size_t unit, size_t first) const;
  bool fits(const UnitRows& range) const;
  bool changed(size_t i, Side side) const { return changes_unit(rows_[i], all_.decisions[i], side, policy_); }
  bool any_changed(const UnitRows& range, Side side) const;
  bool any_parked(const UnitRows& range) const;
  std::optional<Side> winner_of(size_t unit, const UnitRows& range) const;
  std::optional<int64_t> newest(const UnitRows& range, Side side) const;
  void take_whole(const UnitRows& range, Side winner, bool all);
  void take(size_t i, Side winner);
  void hold(const UnitRows& range);
  bool has_work(size_t i) const;
  void park(size_t unit, const UnitRows& range);
  void tell_held(size_t unit, const UnitRows& range, ParkedReason reason, Side side, std::string why);

  const std::vector<Row>& rows_;
  const Relations& relations_;
  const Policy& policy_;
  Reconciled& all_;
};

void UnitMaker::settle(size_t unit, const UnitRows& range) {
  const Decision* above = decided_above(unit, range.begin);
  const bool goes =
      above != nullptr && above->outcome == Outcome::take &&
      kind_of(rows_[static_cast<size_t>(above - all_.decisions.data())], above->winner) != Kind::directory;
  if (!goes && is_held(unit, range)) return;
  if (above == nullptr && !decide(unit, range)) return;
  if (!fits(range)) {  // R147
    if (goes) return;
    return tell_held(unit, range, ParkedReason::failed, Side::deploy,
                     str(range.end - range.begin, " changes are more than can be applied together"));
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    all_.members[i].unit = static_cast<uint32_t>(unit + 1);
    all_.members[i].above = goes;
  }
}

/// R145
bool UnitMaker::is_held(size_t unit, const UnitRows& range) {
  for (const auto& [side, path] : policy_.unreadable) {
    if (!is_at_or_below(path, policy_.units[unit])) continue;
    tell_held(unit, range, ParkedReason::denied, side,
              str(escape_bytes(path), " can't be read on the ", to_string(side), " side"));
    return true;
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    const Decision& d = all_.decisions[i];
    if (d.outcome != Outcome::held || d.parked) continue;
    const Side side = kind_of(rows_[i], Side::code) == Kind::other ? Side::code : Side::deploy;
    tell_held(unit, range, ParkedReason::kind_unsupported, side,
              str(escape_bytes(rows_[i].path), " can't be synced on the ", to_string(side), " side"));
    return true;
  }
  return false;
}

/// False = it is parked.
bool UnitMaker::decide(size_t unit, const UnitRows& range) {
  const bool code = any_changed(range, Side::code);
  const bool deploy = any_changed(range, Side::deploy);
  const bool contested = code && deploy;
  std::optional<Side> winner = code ? Side::code : Side::deploy;
  if (contested) winner = winner_of(unit, range);
  if (!winner || (!contested && any_parked(range))) {
    park(unit, range);
    return false;
  }
  if (code || deploy) take_whole(range, *winner, contested);
  mark_changes_of_kind(rows_, range, all_);
  if (contested) give_turns(rows_, relations_, policy_, range, *winner, all_);
  return true;
}

/// R28: a directory above it that is something else on the other side decides for all below it.
const Decision* UnitMaker::decided_above(size_t unit, size_t first) const {
  for (size_t i = first; i != kNoParent; i = relations_.parent[i]) {
    const Row& row = rows_[i];
    if (!is_below(policy_.units[unit], row.path)) continue;
    const Kind code = kind_of(row, Side::code);
    const Kind deploy = kind_of(row, Side::deploy);
    if (code != deploy && code != Kind::none && deploy != Kind::none) return &all_.decisions[i];
  }
  return nullptr;
}

bool UnitMaker::fits(const UnitRows& range) const {
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

bool UnitMaker::any_changed(const UnitRows& range, Side side) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (changed(i, side)) return true;
  }
  return false;
}

bool UnitMaker::any_parked(const UnitRows& range) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (all_.decisions[i].parked) return true;
  }
  return false;
}

std::optional<Side> UnitMaker::winner_of(size_t unit, const UnitRows& range) const {
  const Side newer = newest(range, Side::deploy) > newest(range, Side::code) ? Side::deploy : Side::code;
  return side_by_policy(policy_.units[unit], newer, policy_);
}

std::optional<int64_t> UnitMaker::newest(const UnitRows& range, Side side) const {
  std::optional<int64_t> time;
  for (size_t i = range.begin; i < range.end; ++i) {
    const Entry* e = rows_[i].view[index(side)].entry;
    if (e == nullptr || (!e->is_file() && !e->is_symlink()) || !changed(i, side)) continue;
    time = std::max(time, plausible_time(side, *e, policy_));
  }
  return time;
}

/// R143. Not `all`: the other side changed directories alone, which give way to what the winner changed.
void UnitMaker::take_whole(const UnitRows& range, Side winner, bool all) {
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
    const bool lost = d.parked || (d.outcome == Outcome::take && d.winner != winner && !damage);
    if (lost && (all || changed(i, winner))) take(i, winner);
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

void UnitMaker::hold(const UnitRows& range) {
  for (size_t i = range.begin; i < range.end; ++i) {
    Decision& d = all_.decisions[i];
    if (d.outcome == Outcome::gone || d.unsupported) continue;
    const bool still = d.outcome == Outcome::same && !has_work(i);
    d = Decision{.outcome = still ? Outcome::same : Outcome::held, .still = still};
  }
}

void UnitMaker::tell_held(size_t unit, const UnitRows& range, ParkedReason reason, Side side, std::string why) {
  bool work = false;
  for (size_t i = range.begin; i < range.end && !work; ++i) work = has_work(i);
  hold(range);
  if (!work) return;
  all_.parked.push_back(
      {reason, side, policy_.units[unit], str("nothing of it is carried, as it goes together or not at all: ", why)});
}

/// R144
void UnitMaker::park(size_t unit, const UnitRows& range) {
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
