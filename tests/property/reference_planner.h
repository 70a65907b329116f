#pragma once
// A second planner, to judge the first: DESIGN.md section 5 and RULES.md done on whole trees as maps, without pending
// rows, stages or operations. It says what stands on both sides in the end, not how to get there.
//
// The planner itself is some hundred lines, visit() to carry() in reference_planner.cc: who wins at each path (R03, R10
// to R32). Two parts that it leans on judge the rows that the rest could not: reference_renames.cc (R40 to R49)
// rewrites both trees first, reference_metadata.cc (R50 to R57) says mode and mtime afterwards. reference_facts.cc only
// compares.

#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/support/tree_literals.h"

namespace twsync::testing {

struct ReferencePlan {
  ModelTree end[2];                                        ///< what stands there afterwards
  std::map<std::string, std::string, PathLess> verdicts;   ///< conflicts, parked paths, and what is carried where
  std::multiset<std::pair<std::string, LoserCause>> kept;  ///< every displaced content, with its cause
  std::set<std::string> renames;                           ///< "side from > to"
  bool unseen = false;  ///< R48: the planner lacks a row that matters; what it does instead is judged by all else
};

ReferencePlan reference_plan(const std::map<std::string, BaseRow, PathLess>& base, const ModelTree& code,
                             const ModelTree& deploy, const Policy& policy);

/// The same facts of a real plan and of what came of it in `world`, which had displaced nothing before.
ReferencePlan facts_of(const Plan& plan, World& world);

/// Empty, or what differs, one line each.
std::string differences(const ReferencePlan& reference, const ReferencePlan& real);

}  // namespace twsync::testing
