#pragma once
// A durable copy of a regular file with its metadata.

#include "common/base/result.h"

namespace twsync {

/// `to` below `to_dir` becomes a new file with the content (holes and shared extents where the file system can), mode,
/// owner (as far as allowed), xattrs and mtime of `from`; flushed. exists when something stands at `to`. Crash: a part
/// of the copy may stand there.
Status copy_file(int from_dir, const char* from, int to_dir, const char* to);

}  // namespace twsync
