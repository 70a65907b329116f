#pragma once
// The planner's working rows: one per path that matters, in the coordinates that hold after the renames of the plan.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/planner.h"
#include "common/core/suspicion.h"

namespace twsync {

constexpr size_t index(Side side) {
  return static_cast<size_t>(side);
}

/// One side's pending entry at a row. `entry` null = not pending: the side holds what the row's base says.
struct View {
  const Entry* entry = nullptr;
  const PathState* origin = nullptr;  ///< where the entry was scanned (its path differs from the row's after a rename)
  Suspicion suspicion = Suspicion::none;
};

struct Row {
  std::string_view path;
  const BaseRow* base = nullptr;
  View view[2];
  bool made[2] = {false, false};  ///< that side's directory is made before a rename that needs it
  bool renaming = false;          ///< stands here on both sides only after a rename of this plan: no agreement yet
  std::string_view recorded;      ///< where its base row stands once the plan's agreements are recorded
};

extern const Entry kNothing;

inline bool is_pending(const Row& row) {
  return row.view[0].entry != nullptr || row.view[1].entry != nullptr;
}
bool holds_nothing(const Row& row, Side side);
/// How many names the file there has; 0 = no file.
uint32_t links_of(const Row& row, Side side);
Kind kind_of(const Row& row, Side side);
/// What stands there; refers to `scratch` when it has to be put together from the base.
const Entry& current(const Row& row, Side side, Entry& scratch);
inline bool is_suspect(const Row& row, Side side) {
  return row.view[index(side)].suspicion == Suspicion::whole;
}
EntryDiff diff_of(const Row& row, Side side, const Policy& policy);

/// Rows with something pending, and of hard-linked files also those without, ordered by compare_paths. Keeps pointers
/// into `paths`.
struct WorkTable {
  std::vector<Row> rows;
  std::deque<std::string> names;  ///< owns the paths that renames made up
};

WorkTable make_work_table(const std::vector<PathState>& paths, const Policy& policy);

}  // namespace twsync
