#pragma once
// Extended attributes of one inode as one value: those a sync carries (user.*, POSIX ACLs, and as root trusted.*, file
// capabilities and what else is in security.*, but the labels of the host's own policy), sorted by name, each as u32
// length + name, u32 length + value (little-endian).

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace twsync {

/// keep = without the file capabilities, which belong to the content.
enum class XattrUse : uint8_t { carry, keep };

/// "" = none, or this file system has none. `path` may be "/proc/self/fd/N" or "/proc/self/fd/N/name"; a link is not
/// followed in its last component unless `follow` (for "/proc/self/fd/N" itself).
Result<std::string> read_xattrs(const std::string& path, bool follow, XattrUse use = XattrUse::carry);

/// Makes the carried attributes of the open file or directory (also O_PATH) exactly `encoded`. Attributes of other
/// kinds stay. peer_violation when `encoded` is malformed. Another error is that of the first attribute that was
/// refused; the others are as they shall be.
Status write_xattrs(int fd, std::string_view encoded);

}  // namespace twsync
