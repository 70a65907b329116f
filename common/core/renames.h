#pragma once
// Rename detection (R40-R48): the planner alone finds them, from inodes and digests.

#include <string>
#include <vector>

#include "common/core/work_table.h"

namespace twsync {

struct Renames {
  std::vector<Operation> operations;    ///< stage structure, in dependency order
  std::vector<Agreement> moved;         ///< base rows that follow what both sides moved, in order
  std::vector<std::string> digests[2];  ///< new files that could be renames if their content were known, as scanned
};

/// Finds the renames, rewrites the table in the coordinates that hold after them, and returns what performs them.
Renames follow_renames(WorkTable& table, const Policy& policy);

}  // namespace twsync
