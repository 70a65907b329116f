#pragma once
// One history over two real roots: people, syncs, kills, hints, clocks and lost state, judged as Hughes and Pierce do:
// every value that a person wrote and did not supersede on that same side is on a side or in a version store; when all
// is quiet, two cycles bring both sides together, the next plan is empty, and nothing is left in a stage.

#include <string>

#include "tests/property/histories/steps.h"

namespace twsync::testing {

/// What happened, to show that the checks had something to judge.
struct Tally {
  size_t syncs = 0;
  size_t kills = 0;  ///< of a cycle that had not answered yet
  size_t races = 0;
  size_t hint_rounds = 0;
  size_t lost_state = 0;
  size_t clock_steps = 0;
  size_t conflicts = 0;
  size_t only_kept = 0;  ///< values that stood in a version store alone when they were looked for
  size_t values = 0;     ///< looked for

  void add(const Tally& other);
};

/// Empty, or what went wrong, and after which step. `directory`: made and removed by the call.
std::string run_history(const Steps& steps, const std::string& agent_path, Tally& tally);

}  // namespace twsync::testing
