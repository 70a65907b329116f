#pragma once
// The rules that a side keeps in its own root.

#include <optional>
#include <string>
#include <vector>

#include "common/fs/side_root.h"

namespace twsync {

constexpr const char* kIgnoreFile = ".twsyncignore";

struct IgnoreFile {
  std::vector<std::string> lines;
  std::optional<Error> odd;  ///< something stands there that is no file, so it holds no rules: for a person
};

/// guard: it is there but cannot be read, so nobody knows what must not be synced. Else the side's own errors, when it
/// is of no further use.
Result<IgnoreFile> read_ignore_file(SideReader& reader, Side side);

/// The side is useless after these: close it, so that the next open connects anew.
bool is_fatal(const Error& error);

}  // namespace twsync
