#pragma once
// The request of the deploy server's key, as it stands in SSH_ORIGINAL_COMMAND (PROTOCOL_WAY_BACK.md). Pure.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "producers/cli/command_line.h"

namespace twsync {

/// Words joined by single spaces, everything but plain characters percent-encoded.
std::string forced_words(const std::vector<std::string>& words);

struct ForcedRequest {
  CommandLine line;     ///< a SyncCommand, StatusCommand or PublishCommand of the pair; paths relative to its root
  bool framed = false;  ///< the answer is wanted as frames
};

/// Whose key it is: the user's that the code server logs in as, or the one that his server's group shares. Members may
/// publish and ask for the status, as those of the code server's group.
enum class ForcedRights : uint8_t { user, members };

/// The pair is the key's: a request may leave it out or repeat it. A publish is of the deploy side; absolute paths are
/// below `deploy_path`. Errors: denied for anything but `sync` (not of members), `status` and `publish` with their own
/// options; usage for a path outside the pair.
Result<ForcedRequest> parse_forced_command(std::string_view text, const std::string& pair,
                                           const std::string& deploy_path, ForcedRights rights);

/// The words that ask for the same at the code server. `paths` are relative already.
std::vector<std::string> sync_words(const SyncCommand& command, const Overrides& overrides,
                                    const std::vector<std::string>& paths);
std::vector<std::string> publish_words(const PublishCommand& command, const std::vector<std::string>& paths);

}  // namespace twsync
