#pragma once
// Whole small files and full reads/writes on descriptors.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/unique_fd.h"

namespace twsync {

/// Writes all of it; EINTR and short writes are gone on with.
Status write_all(int fd, std::string_view bytes);

/// Reads up to `size` bytes, less only at the end of the file.
Result<size_t> read_full(int fd, char* out, size_t size);

/// The regular file `name` below `dir_fd`, at most `limit` bytes (corrupt when longer). No link is followed.
Result<std::string> read_file_at(int dir_fd, const char* name, size_t limit);

/// `name` becomes a file with these bytes: written aside, flushed, renamed, directory flushed.
/// Crash: the old content or the new one. `dir_fd` must be readable (not O_PATH).
Status replace_file_at(int dir_fd, const std::string& name, std::string_view bytes);

/// A directory `name` below `dir_fd`, made with mode 0700 when missing (then `dir_fd` is flushed), opened O_RDONLY.
/// A symlink or a file in its place is an error.
Result<UniqueFd> ensure_directory(int dir_fd, const std::string& name);

}  // namespace twsync
