#pragma once
// A child process as a byte stream: the agent for a local target, and for tests.

#include <memory>
#include <string>
#include <vector>

#include "common/ssh/byte_stream.h"

namespace twsync {

/// Starts argv[0] (found through PATH unless it contains '/') with a socket pair as stdin and stdout, in a process
/// group of its own (a terminal's ^C is ours to handle). Its stderr is kept (the last 8 KiB) for the message at end of
/// stream. Destruction closes the socket, then SIGTERM, then SIGKILL after short waits; the child is always reaped by
/// its pid. not_found, denied or io when it cannot be started.
Result<std::unique_ptr<ByteStream>> make_child_stream(const std::vector<std::string>& argv);

}  // namespace twsync
