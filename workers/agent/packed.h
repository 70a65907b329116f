#pragma once
// Payloads that may be large travel packed: one byte 0 and the bytes as they are, or one byte 1, u32 raw size
// (little-endian) and a zstd frame (PROTOCOL_AGENT.md, "Packed payloads").

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace twsync {

/// Compresses above 4 KiB where that makes it smaller. REQUIRES: raw below 4 GiB.
std::string pack_payload(std::string_view raw);

/// peer_violation when it isn't a packed payload or would unpack to more than `limit` bytes.
Result<std::string> unpack_payload(std::string_view packed, size_t limit);

}  // namespace twsync
