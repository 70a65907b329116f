#pragma once
// A byte stream over plain descriptors: the agent's stdin and stdout, or one end of a socket pair.

#include <memory>
#include <string>

#include "common/ssh/byte_stream.h"

namespace twsync {

/// Who closes the descriptors.
enum class FdOwner { stream, caller };

/// Makes the descriptors non-blocking (and, when the caller owns them, gives them back as they were).
/// `read_fd` and `write_fd` may be equal. Pipes are made to hold 1 MiB, where the kernel lets us.
std::unique_ptr<ByteStream> make_fd_stream(int read_fd, int write_fd, FdOwner owner, std::string name);

}  // namespace twsync
