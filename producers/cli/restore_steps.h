#pragma once
// Carries out what restore_choice.h chose, on one side.

#include <string>
#include <vector>

#include "producers/cli/restore_choice.h"
#include "producers/cli/side_versions.h"

namespace twsync {

struct Restored {
  size_t files = 0, directories = 0;
  std::vector<Error> failed;
};

/// Directories first, so that there is a place for everything; what they are like at last, when they are filled.
Status restore_side(SideVersions& side, const RestoreChoice& choice, Side which, Restored& restored);

}  // namespace twsync
