#pragma once
// What lies below each row, gathered once from the bottom up.

#include <vector>

#include "common/core/work_table.h"

namespace twsync {

constexpr size_t kNoParent = static_cast<size_t>(-1);

struct Below {
  bool changed[2] = {false, false};      ///< that side has new or edited content below
  bool unsupported[2] = {false, false};  ///< something that is never touched stands below
};

struct Relations {
  std::vector<size_t> parent;  ///< nearest row above, or kNoParent; a directory between that isn't a row is unchanged
  std::vector<Below> below;
};

/// The side holds something there that the base doesn't say: new, or with other content, and no damage.
bool has_own_content(const Row& row, Side side, const Policy& policy);

Relations relate(const WorkTable& table, const Policy& policy);

}  // namespace twsync
