#pragma once
// TCP to a host by name: every address of both families in turn. Without libssh.

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/fs/unique_fd.h"

namespace twsync {

/// A connected socket with O_NONBLOCK and close-on-exec. Blocks until then: for the resolver as long as that takes,
/// then at most `timeout_ms`, shared by the addresses. unreachable: no such host, refused, no route, no answer in time;
/// of several addresses the last one's.
Result<UniqueFd> connect_tcp(const std::string& host, uint16_t port, int64_t timeout_ms);

}  // namespace twsync
