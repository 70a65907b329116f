#pragma once
// What the agent's process gives up and asks for before it reads its first byte.

namespace twsync {

/// New files private (umask 077), SIGPIPE ignored, as many descriptors as allowed, and no way to gain privileges by
/// exec.
void set_up_agent_process();

}  // namespace twsync
