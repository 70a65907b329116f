#pragma once
// Pairs of a vanished base row and a new entry that may be the same thing moved.

#include <string>
#include <vector>

#include "common/core/rename_map.h"

namespace twsync {

struct Candidate {
  Side side = Side::code;  ///< who moved it
  std::string from;
  std::string to;
  bool done = false;
};

/// Directories: same inode. Ordered by `to`, the preferred side first.
std::vector<Candidate> directory_candidates(const RenameMap& map, const Policy& policy);

/// Files: same inode, size and digest. Entries whose digest is not known go to `digests` instead.
std::vector<Candidate> file_candidates(const RenameMap& map, const Policy& policy,
                                       std::vector<std::string> (&digests)[2]);

}  // namespace twsync
