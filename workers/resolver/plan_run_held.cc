// What of a plan waits for content that did not arrive.

#include "common/base/text.h"
#include "common/core/units.h"
#include "workers/resolver/parked_items.h"
#include "workers/resolver/plan_run.h"

namespace twsync {

/// Removals whose content may be what did not arrive; with one operation of a group its others.
void PlanRun::withhold(std::vector<const Operation*>& operations) {
  std::set<uint32_t> groups;
  std::set<const Operation*> waiting;
  for (const Operation* op : operations) {
    if (!waits(*op)) continue;
    waiting.insert(op);
    if (op->group != 0) groups.insert(op->group);
  }
  std::erase_if(operations, [&](const Operation* op) { return waiting.contains(op) || groups.contains(op->group); });
}

/// What keeps changing never arrives for long: as a new version of a file it holds back what is certain only.
void PlanRun::did_not_arrive(const Operation& op, ErrorCode code) {
  const bool busy = !needs_person(code) && op.expected.is_file();
  held_.did_not_arrive(op, code, busy || is_parked(op));
  if (const auto unit = unit_of(policy_, op.path)) broken_units_.emplace(op.side, *unit);
}

/// A directory of it would be removed, or get the metadata of its end, where nothing else of the unit came (R142).
bool PlanRun::follows_a_broken_unit(const Operation& op) const {
  if (broken_units_.empty() || (op.kind != OpKind::remove_directory && op.stage != OpStage::directory_metadata))
    return false;
  const auto unit = unit_of(policy_, op.path);
  return unit && broken_units_.contains({op.side, *unit});
}

bool PlanRun::is_parked(const Operation& op) {
  if (!parked_) {
    parked_.emplace();
    if (const auto parked = work_.base->parked()) {
      for (const ParkedRecord& item : *parked) {
        if (item.joined.empty()) parked_->emplace(item.side, item.paths.empty() ? std::string{} : item.paths.front());
      }
    }
  }
  return parked_->contains({op.side, op.path});
}

bool PlanRun::waits(const Operation& op) {
  if (held_.holds_directory(op) || follows_a_broken_unit(op)) return true;
  const auto row = op.kind == OpKind::remove ? work_.base->find(op.path) : Result<std::optional<BaseRow>>(std::nullopt);
  const auto* missing = held_.holds(op, row && *row ? (*row)->side(other(op.side)).stamp.inode : 0, is_parked(op));
  if (missing == nullptr) return false;
  if (needs_person(missing->code)) {
    outcome_.parked.push_back({parked_reason(missing->code), op.side, op.path,
                               str(to_string(op.kind), " on the ", to_string(op.side), " side: waits for ",
                                   escape_bytes(missing->path), ", which may have been made of it")});
  } else {
    outcome_.again.push_back(op.path);
  }
  return true;
}

}  // namespace twsync
