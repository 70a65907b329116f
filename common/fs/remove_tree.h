#pragma once
// Directories of our own below .twsync: their names, and removing what is in them.

#include <string>
#include <vector>

#include "common/base/result.h"

namespace twsync {

/// Names in the open directory (O_RDONLY), in no order, without "." and "..".
Result<std::vector<std::string>> names_in(int dir_fd);

/// Removes `name` below `dir_fd`, a directory with all that is below it. No link is followed, no mount is entered.
Status remove_tree_at(int dir_fd, const std::string& name);

}  // namespace twsync
