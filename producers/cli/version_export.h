#pragma once
// `twsync restore --to`: kept versions as files somewhere else.

#include <map>

#include "producers/cli/restore_choice.h"
#include "producers/cli/side_versions.h"

namespace twsync {

/// Writes what was chosen to `to`, which must not be there yet: a file or symlink, or a directory with all that is
/// below `path`, each with its own mode and time. Flushed. After an error a part of it may stand there.
Status export_versions(const RestoreChoice& choice, const std::string& path, const std::string& to,
                       const std::map<Side, SideVersions*>& sides);

}  // namespace twsync
