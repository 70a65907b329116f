#pragma once
// What the executor says where the tree is not what was scanned.

#include <cerrno>
#include <utility>

#include "common/base/result.h"

namespace twsync {

inline Error stale(const char* why) {
  return Error{ErrorCode::stale, why, {}, 0};
}

/// A path that leads nowhere any more, or through a link or a mount.
inline Error as_stale(Error error) {
  switch (error.sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case EEXIST:
      error.code = ErrorCode::stale;
      break;
    default:
      break;
  }
  return error;
}

}  // namespace twsync
