#include "common/base/result.h"

#include <cerrno>
#include <cstring>

#include "common/base/text.h"

namespace twsync {

namespace {

ErrorCode code_from_errno(int err) {
  switch (err) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::exists;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      return ErrorCode::denied;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::no_space;
    case ETIMEDOUT:
      return ErrorCode::timeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE:
      return ErrorCode::unreachable;
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

Error error_from_errno(int err, std::string what, std::string path) {
  return Error{code_from_errno(err), what + ": " + std::strerror(err), std::move(path), err};
}

const char* to_string(ErrorCode code) {
  static constexpr const char* kNames[] = {
      "ok",      "not_found", "stale", "exists", "denied",      "no_space", "timeout", "unreachable", "peer_violation",
      "corrupt", "cancelled", "io",    "usage",  "unsupported", "busy",     "guard",   "bug"};
  const auto index = static_cast<unsigned>(code);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

std::string describe(const Error& error) {
  if (error.path.empty()) return error.message;
  return error.message + " (" + escape_bytes(error.path) + ")";
}

}  // namespace twsync
