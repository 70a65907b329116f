#pragma once
// A durable copy of a regular file with its metadata.

#include <cstdint>

#include "common/base/result.h"
#include "common/fs/file_stat.h"

namespace twsync {

/// What a copy may cost: any amount of time and room, or nothing (shared blocks, as a file system with reflinks has
/// them; else unsupported).
enum class CopyCost : uint8_t { any, shared_blocks };

/// `to` below `to_dir` becomes a new file with the content (holes and shared extents where the file system can), mode,
/// owner (as far as allowed), xattrs and mtime of `from`; flushed. exists when something stands at `to`; no_space when
/// it would break into the reserve. Crash: a part of the copy may stand there.
Status copy_file(int from_dir, const char* from, int to_dir, const char* to, CopyCost cost = CopyCost::any);

/// The same into the empty file `to`, from `from` at its beginning, `stat` being its own.
Status copy_open_file(int from, const FileStat& stat, int to, CopyCost cost = CopyCost::any);

}  // namespace twsync
