#pragma once
// Which of the kept versions `twsync restore` means. Pure.

#include <string>
#include <vector>

#include "common/wire/agent_messages.h"

namespace twsync {

struct KeptVersion {
  Side side = Side::code;
  VersionInfo version;
};

struct RestoreChoice {
  std::vector<KeptVersion> versions;  ///< in path order, one a path
  bool tree = false;                  ///< all that was at and below the path, else the one version of it
  bool only_missing = true;           ///< what stands there again stays; else it is displaced
  int64_t as_of_ns = 0;               ///< of a tree: how it stood right before this
};

/// `asked`: a version's id, a time as `history` prints it, or empty.
/// - Nothing asked, and the latest version at the path is a file's or symlink's: that one.
/// - Nothing asked, and it was a directory: what its last deletion took, as it stood then: deletions at and below the
///   path, back from the latest one for as long as no two are more than ten minutes apart.
/// - A version of the path itself that is no directory: that one.
/// - Any other version at or below it, or a time: how everything there stood right before that version, and whatever
///   was displaced together with it, was displaced; or at that time. Of each path the first version displaced since.
/// usage: no such version, no such time.
Result<RestoreChoice> choose_versions(std::vector<KeptVersion> kept, const std::string& path, const std::string& asked);

}  // namespace twsync
