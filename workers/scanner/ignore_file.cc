#include "workers/scanner/ignore_file.h"

#include <cerrno>

#include "common/base/text.h"
#include "common/core/ignore.h"

namespace twsync {

bool is_fatal(const Error& error) {
  return error.code == ErrorCode::unreachable || error.code == ErrorCode::peer_violation ||
         error.code == ErrorCode::timeout;
}

Result<IgnoreFile> read_ignore_file(SideReader& reader, Side side) {
  IgnoreFile file;
  auto text = reader.read_small(kIgnoreFile);
  if (text) {
    file.lines = ignore_lines(*text);
    return file;
  }
  Error error = std::move(text).error();
  if (error.code == ErrorCode::not_found) return file;
  if (is_fatal(error)) return error;
  if (error.code == ErrorCode::unsupported && error.sys_errno != EFBIG) {
    error.message = str("on the ", to_string(side),
                        " side this is not a regular file, so it holds no rules: make it a file, or remove it");
    error.path = kIgnoreFile;
    file.odd = std::move(error);
    return file;
  }
  // What should be ignored would be synced, and what was ignored would look new.
  return Error{ErrorCode::guard,
               str("the rules in ", kIgnoreFile, " cannot be read on the ", to_string(side), " side: ", error.message,
                   ". Nothing is decided without them: make it readable, or remove it"),
               {},
               error.sys_errno};
}

}  // namespace twsync
