#include "workers/resolver/parked_items.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "workers/resolver/decisions.h"

namespace twsync {

std::string short_id(char prefix, std::string_view seed) {
  std::string raw(8, '\0');
  const uint64_t hash = stable_hash64(seed);
  for (unsigned i = 0; i < 8; ++i) raw[i] = static_cast<char>(hash >> (8 * i));
  return prefix + hex_encode(raw).substr(0, 10);
}

bool needs_person(ErrorCode code) {
  return code != ErrorCode::stale && code != ErrorCode::not_found && code != ErrorCode::cancelled &&
         code != ErrorCode::unreachable;
}

ParkedReason parked_reason(ErrorCode code) {
  if (code == ErrorCode::no_space) return ParkedReason::no_space;
  if (code == ErrorCode::denied) return ParkedReason::denied;
  if (code == ErrorCode::unsupported) return ParkedReason::kind_unsupported;
  return ParkedReason::failed;
}

ConflictRecord late_conflict(Side side, const VersionInfo& late, int64_t now_ns) {
  ConflictRecord r;
  r.id = short_id('c', str(late.id, '\0', to_string(side)));
  r.path = late.path;
  r.at_ns = now_ns;
  r.rule = "late-write";
  r.winner = side == Side::code ? ConflictWinner::deploy : ConflictWinner::code;
  r.loser_version = late.id;
  r.text = str("a program that still had it open on the ", to_string(side), " side wrote to it after it was ",
               late.how == Displaced::removed ? "deleted" : "replaced", "; what it wrote is kept as version ", late.id);
  return r;
}

PlanOutcome pretended_outcome(const Plan& plan) {
  PlanOutcome outcome;
  for (const auto& op : plan.operations) outcome.settled.insert(op.path);
  return outcome;
}

Result<std::vector<ConflictRecord>> conflict_records(BaseStore& base, const Plan& plan, const PlanOutcome& outcome,
                                                     int64_t now_ns) {
  std::vector<ConflictRecord> out;
  if (plan.conflicts.empty()) return out;
  std::set<std::string> planned;
  for (const auto& op : plan.operations) planned.insert(op.path);
  for (const Conflict& c : plan.conflicts) {
    if (const auto decided = outcome.decided.find(c.path); decided != outcome.decided.end()) {
      out.push_back(decided->second);
      continue;
    }
    const bool waits = c.winner != ConflictWinner::none && planned.contains(c.path);
    if (waits && !outcome.settled.contains(c.path)) continue;
    SYNC_ASSIGN(out.emplace_back(), conflict_record(base, c, now_ns));
  }
  return out;
}

namespace {

using Shown = std::pair<std::string, uint64_t>;  // path, what stands there

/// Its number, if it is in the set as what it is now. Of what an earlier release recorded nobody knows that.
std::optional<uint64_t> joined_as(const ParkedRecord& set, Shown& shown) {
  const auto found = std::lower_bound(set.paths.begin(), set.paths.end(), shown.first);
  if (found == set.paths.end() || *found != shown.first) return std::nullopt;
  const uint64_t version = set.version_of(shown.first);
  if (version != 0 && version != shown.second) return std::nullopt;
  shown.second = version;
  return set.joined[static_cast<size_t>(found - set.paths.begin())];
}

// Whoever was in the set before keeps its number; a path that left it and comes back joins anew, and so does what
// changed.
ParkedRecord deletion_set(Side side, std::vector<Shown> deletions, const std::vector<ParkedRecord>& before,
                          int64_t now_ns) {
  const auto old = std::find_if(before.begin(), before.end(), [&](const ParkedRecord& was) {
    return was.reason == ParkedReason::mass_deletion && was.side == side && was.joined.size() == was.paths.size();
  });
  const bool goes_on = old != before.end();
  ParkedRecord r;
  r.reason = ParkedReason::mass_deletion;
  r.side = side;
  r.at_ns = goes_on ? old->at_ns : now_ns;
  r.next_joined = goes_on ? old->next_joined : 0;
  std::sort(deletions.begin(), deletions.end());
  for (Shown& shown : deletions) {
    const auto number = goes_on ? joined_as(*old, shown) : std::nullopt;
    r.joined.push_back(number ? *number : r.next_joined++);
    r.versions.push_back(shown.second);
    r.paths.push_back(std::move(shown.first));
  }
  r.id = str(short_id('d', str(to_string(side), r.at_ns)), '-', r.next_joined);
  r.text = str(r.paths.size(), " deletions on the ", to_string(side),
               " side wait: approve them, or reject to bring the files back");
  return r;
}

ParkedRecord withheld_set(Side side, std::vector<std::string> paths, int64_t now_ns) {
  ParkedRecord r;
  r.id = short_id('v', to_string(side));
  r.reason = ParkedReason::versions_full;
  r.side = side;
  r.at_ns = now_ns;
  r.paths = std::move(paths);
  r.text = str(r.paths.size(), " replacements and deletions on the ", to_string(side),
               " side wait: the versions that must be kept there fill the version store. They go on when "
               "VERSIONS_KEEP_BYTES is raised, or when the oldest go after VERSIONS_KEEP_DAYS");
  return r;
}

std::vector<ParkedItem> parked_elsewhere(const std::vector<ParkedRecord>& before, const Elsewhere& elsewhere) {
  std::vector<ParkedItem> out;
  if (!elsewhere) return out;
  for (const ParkedRecord& was : before) {
    if (was.reason == ParkedReason::root_identity) continue;
    for (const std::string& path : was.paths) {
      if (elsewhere(was.side, path)) out.push_back({was.reason, was.side, path, was.text, was.version_of(path)});
    }
  }
  return out;
}

}  // namespace

std::vector<ParkedRecord> parked_records(const Plan& plan, const PlanOutcome& outcome,
                                         const std::vector<ParkedRecord>& before, int64_t now_ns,
                                         const Elsewhere& elsewhere) {
  std::vector<ParkedRecord> out;
  std::set<std::string> single;
  std::vector<Shown> deletions[2];
  std::vector<std::string> withheld[2];
  const auto add = [&](const ParkedItem& item) {
    const auto side = static_cast<size_t>(item.side);
    switch (item.reason) {
      case ParkedReason::mass_deletion:
        deletions[side].emplace_back(item.path, item.version);
        return;
      case ParkedReason::versions_full:
        withheld[side].push_back(item.path);
        return;
      case ParkedReason::manual_conflict:
        return;
      default:
        break;
    }
    const std::string id = short_id('p', str(static_cast<int>(item.reason), static_cast<int>(item.side), item.path));
    if (!single.insert(id).second) return;
    ParkedRecord& r = out.emplace_back();
    r.id = id;
    r.reason = item.reason;
    r.side = item.side;
    r.at_ns = now_ns;
    r.paths.push_back(item.path);
    r.text = item.text;
  };
  for (const auto& item : plan.parked) add(item);
  for (const auto& item : outcome.parked) add(item);
  for (const auto& item : parked_elsewhere(before, elsewhere)) add(item);
  for (const Side side : {Side::code, Side::deploy}) {
    const auto i = static_cast<size_t>(side);
    if (!withheld[i].empty()) out.push_back(withheld_set(side, std::move(withheld[i]), now_ns));
    if (!deletions[i].empty()) out.push_back(deletion_set(side, std::move(deletions[i]), before, now_ns));
  }
  return out;
}

std::vector<ParkedRecord> parked_now(const Plan& plan, const PlanOutcome& outcome, std::vector<ParkedRecord> records) {
  std::set<std::tuple<ParkedReason, Side, std::string>> now;
  for (const auto* items : {&plan.parked, &outcome.parked}) {
    for (const ParkedItem& item : *items) now.emplace(item.reason, item.side, item.path);
  }
  std::erase_if(records, [&now](const ParkedRecord& r) {
    return std::none_of(r.paths.begin(), r.paths.end(), [&](const std::string& path) {
      return now.contains({r.reason, r.side, path});
    });
  });
  return records;
}

Status replace_parked(BaseStore& base, const std::vector<ParkedRecord>& records) {
  SYNC_ASSIGN(const auto old, base.parked());
  for (const auto& was : old) {
    const bool stays =
        std::any_of(records.begin(), records.end(), [&](const ParkedRecord& r) { return r.id == was.id; });
    if (!stays && was.reason != ParkedReason::root_identity) SYNC_TRY(base.drop_parked(was.id));
  }
  for (const auto& r : records) {
    const bool known = std::any_of(old.begin(), old.end(), [&](const ParkedRecord& was) {
      return was.id == r.id && was.paths == r.paths && was.versions == r.versions;
    });
    if (!known) SYNC_TRY(base.put_parked(r));
  }
  return {};
}

Status close_settled_conflicts(BaseStore& base, const std::vector<ConflictRecord>& records) {
  SYNC_ASSIGN(const auto known, base.open_conflicts());
  if (known.empty()) return {};
  std::set<std::string> open;
  for (const auto& r : records) {
    if (r.open) open.insert(r.path);
  }
  for (const auto& path : known) {
    if (!open.contains(path)) SYNC_TRY(base.close_conflict(path));
  }
  return {};
}

}  // namespace twsync
