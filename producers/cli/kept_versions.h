#pragma once
// What the version stores of a pair's two roots hold.

#include <string>
#include <vector>

#include "producers/cli/context.h"
#include "common/wire/agent_messages.h"

namespace twsync {

/// Kept versions at and below `path`, newest first. The code side's can be listed at any time; the deploy side's under
/// the pair's lock only (busy while somebody works on it). Empty when the pair was never synced here.
Result<std::vector<VersionInfo>> kept_versions(const CliContext& context, const PairConfig& pair, Side side,
                                               const std::string& path);

/// Writes a version of the code side to a file that must not be there yet.
Status copy_version(const PairConfig& pair, const std::string& version, const std::string& file);

/// Brings a version back to `path` on its side, as a new edit.
Status restore_version(const CliContext& context, const PairConfig& pair, Side side, const std::string& version,
                       const std::string& path);

}  // namespace twsync
