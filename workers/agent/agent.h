#pragma once
// The agent: serves one session (control or bulk) over a byte stream and ends with it. Nothing listens, nothing stays.

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/ssh/byte_stream.h"

namespace twsync {

struct AgentOptions {
  std::string fixed_root;  ///< --root of a forced command: a Hello that names another is refused; empty = any
  std::string home;        ///< what a relative root is relative to
};

/// Blocks until the session ends. ok: the peer went (end of stream, goodbye) or the session was closed.
/// Errors: the handshake was refused (the peer was told why), or the peer broke the protocol.
Status serve_agent(std::unique_ptr<ByteStream> stream, const AgentOptions& options, Clock& clock);

/// What the agent's own user keeps of twsync's below `home`, relative to `root`, as far as it lies below that: keys,
/// installed agents. Both absolute; `root` canonical.
std::vector<std::string> own_paths(const std::string& root, const std::string& home);

/// The absolute root that a Hello asks for: relative ones and "~/" below `home`; `fixed_root` where one is given.
/// usage, or denied when it isn't the fixed one. Looks at no file but to resolve both when they differ as text.
Result<std::string> agreed_root(const std::string& asked, const AgentOptions& options);

}  // namespace twsync
