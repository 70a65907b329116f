#pragma once
// What a cycle leaves for a person: conflicts and parked items as records with ids that survive restarts.

#include <functional>

#include "common/store/base_store.h"
#include "workers/resolver/plan_run.h"

namespace twsync {

/// An id of its own for `seed`.
std::string short_id(char prefix, std::string_view seed);

/// Whether a failed operation is parked; else its path is looked at again.
bool needs_person(ErrorCode code);
ParkedReason parked_reason(ErrorCode code);

/// Records of this plan's conflicts. A decided one counts once its operation was carried out, and gets the version id
/// of its loser; what failed is planned again and told then. An open one keeps its id however often it is planned, and
/// when it is decided.
Result<std::vector<ConflictRecord>> conflict_records(BaseStore& base, const Plan& plan, const PlanOutcome& outcome,
                                                     int64_t now_ns);

/// A version in `side`'s store that a program wrote to after it was displaced: decided, what stands in the tree won.
ConflictRecord late_conflict(Side side, const VersionInfo& late, int64_t now_ns);

/// What a dry run shows: as if everything had been carried out.
PlanOutcome pretended_outcome(const Plan& plan);

/// One record per item; the parked deletions of a side are one record whose id names exactly this set (I6), and goes on
/// from the set in `before`, the items parked until now. `elsewhere` (side, path): the plan says nothing of it, so what
/// is parked there stays.
using Elsewhere = std::function<bool(Side, const std::string&)>;
std::vector<ParkedRecord> parked_records(const Plan& plan, const PlanOutcome& outcome,
                                         const std::vector<ParkedRecord>& before, int64_t now_ns,
                                         const Elsewhere& elsewhere = {});

/// Those of `records` that this plan parks something of.
std::vector<ParkedRecord> parked_now(const Plan& plan, const PlanOutcome& outcome, std::vector<ParkedRecord> records);

/// Makes the stored items those of this cycle: with what is parked elsewhere they are all, so what is not named any
/// more is settled. A root-identity stop stays. Works inside the caller's transaction.
Status replace_parked(BaseStore& base, const std::vector<ParkedRecord>& records);
/// Closes the open conflicts that a whole plan no longer has: another policy decided them, or the difference went away.
Status close_settled_conflicts(BaseStore& base, const std::vector<ConflictRecord>& records);

}  // namespace twsync
