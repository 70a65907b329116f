#include "workers/resolver/decisions.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "workers/resolver/parked_items.h"

namespace twsync {

namespace {

std::string side_text(const char* side, const Entry& e) {
  if (!e.exists()) return str(side, ": deleted");
  if (e.is_file()) return str(side, ": file of ", e.size, " bytes");
  return str(side, ": ", to_string(e.kind));
}

/// R109, R110
bool is_damage(const Conflict& conflict) {
  return conflict.rule == "R109" || conflict.rule == "R110";
}

Result<std::string> id_of(BaseStore& base, const std::string& path, int64_t now_ns) {
  SYNC_ASSIGN(const auto open, base.open_conflict(path));
  if (open) return std::string(open->id);
  std::string id = short_id('c', path);
  SYNC_ASSIGN(const auto past, base.conflict(id));
  return past ? short_id('c', str(path, '\0', now_ns)) : id;
}

}  // namespace

Result<ConflictRecord> conflict_record(BaseStore& base, const Conflict& conflict, int64_t now_ns) {
  ConflictRecord r;
  SYNC_ASSIGN(r.id, id_of(base, conflict.path, now_ns));
  r.path = conflict.path;
  r.at_ns = now_ns;
  r.rule = conflict.rule;
  r.winner = conflict.winner;
  r.open = conflict.winner == ConflictWinner::none;
  if (conflict.rule == "R144") {
    r.text = "both servers changed something of it, and it goes together or not at all";
    return r;
  }
  r.text = str(is_damage(conflict) ? "damage after an unclean stop: " : "", side_text("code", conflict.code), ", ",
               side_text("deploy", conflict.deploy));
  return r;
}

void Decisions::add(const std::vector<Conflict>& conflicts) {
  for (const Conflict& conflict : conflicts) conflicts_.insert_or_assign(conflict.path, conflict);
}

std::string Decisions::rule(const std::string& path) const {
  const auto found = conflicts_.find(path);
  return found == conflicts_.end() ? std::string() : found->second.rule;
}

Status Decisions::announce(const Batch& batch, int64_t now_ns) {
  if (conflicts_.empty()) return {};
  std::vector<ConflictRecord> news;
  for (const Operation& op : batch.operations) {
    const auto found = conflicts_.find(op.path);
    if (found == conflicts_.end() || found->second.winner == ConflictWinner::none) continue;
    if (under_way_.contains(op.path)) continue;
    SYNC_ASSIGN(news.emplace_back(), conflict_record(*work_.base, found->second, now_ns));
    under_way_.emplace(op.path, news.back());
  }
  if (news.empty()) return {};
  work_.decisions_under_way = true;
  SYNC_TRY(work_.base->begin(true));
  for (const auto& record : news) SYNC_TRY(work_.base->begin_conflict(record));
  return work_.base->commit();
}

Status Decisions::settle(const Operation& op, const OpResult& result) {
  const auto found = under_way_.find(op.path);
  if (found == under_way_.end()) return {};
  ConflictRecord& record = found->second;
  const bool before = decided_.contains(op.path);
  if (result.code != ErrorCode::ok) return before ? Status{} : work_.base->withdraw_conflict(record.id);
  if (!result.version.empty()) record.loser_version = result.version;
  decided_[op.path] = record;
  return work_.base->add_conflict(record);
}

Result<std::vector<ConflictRecord>> settle_cut_decisions(PairWork& work, const Plan& plan) {
  std::vector<ConflictRecord> carried_out;
  if (!work.decisions_under_way) return carried_out;
  SYNC_ASSIGN(auto cut, work.base->conflicts_under_way());
  std::set<std::string_view> agreed;
  std::set<std::string_view> again;
  for (const auto& agreement : plan.agreements) agreed.insert(agreement.path);
  for (const auto& conflict : plan.conflicts) again.insert(conflict.path);
  work.decisions_under_way = false;
  SYNC_TRY(work.base->begin(true));
  for (ConflictRecord& record : cut) {
    if (again.contains(record.path)) {
      SYNC_TRY(work.base->withdraw_conflict(record.id));
    } else if (agreed.contains(record.path)) {
      record.open = false;
      record.text += "; the run that decided it was cut off: `twsync history` shows the version that lost";
      SYNC_TRY(work.base->add_conflict(record));
      carried_out.push_back(std::move(record));
    } else {
      work.decisions_under_way = true;
    }
  }
  SYNC_TRY(work.base->commit());
  return carried_out;
}

}  // namespace twsync
