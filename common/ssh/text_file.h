#pragma once
// Small text files of ours (keys, known_hosts, authorized_keys), read whole and replaced atomically.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace twsync {

/// not_found when there is none; corrupt above 4 MiB.
Result<std::string> read_text_file(const std::string& path);
/// Temporary file, fsync, rename, fsync of the directory: after a crash the old text or the new one stands there.
/// A file that exists keeps its owner; parent directories are made 0700.
Status write_text_file(const std::string& path, std::string_view text, mode_t mode);
/// Makes a rename in that file's directory durable.
Status sync_directory_of(const std::string& path);
std::vector<std::string> split_lines(std::string_view text);

}  // namespace twsync
