#pragma once
// Removing something of our own below .twsync, whatever kind it is.

#include <string>

#include "common/base/result.h"

namespace twsync {

/// Removes `name` below `dir_fd`, a directory with all that is below it. No link is followed, no mount is entered.
Status remove_tree_at(int dir_fd, const std::string& name);

}  // namespace twsync
