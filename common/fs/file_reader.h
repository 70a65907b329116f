#pragma once
// Reading a regular file of the tree while others may write it.

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/hasher.h"
#include "common/base/result.h"
#include "common/fs/file_stat.h"
#include "common/fs/unique_fd.h"

namespace twsync {

/// Opens `name` below `dir_fd` for reading. Anything but a regular file is never opened: not_found when nothing stands
/// there, unsupported for another kind. `stat` is the open file's.
Result<UniqueFd> open_regular(int dir_fd, const char* name, FileStat& stat);

/// Which time says when others last changed a file: a write moves both; our own renames and links move ctime only.
enum class LastChange : uint8_t { ctime, mtime };

/// A change within the kernel's clock tick of a read can leave every time stamp as it was. Returns once that tick is
/// over (the coarse clock that stamps inodes has passed the file's last change; at most 20 ms, at once for nearly every
/// file), so that a later change shows in its stamp. clock_gettime(2), CLOCK_REALTIME_COARSE.
void settle(const FileStat& stat, LastChange by = LastChange::ctime);

/// To be called between a stat of the open file and reading it: settle(), and after it a store through a mapping shows
/// in the file's times too. The kernel stamps only the first store into a page that is clean: into a page that waits
/// for its write-back, others may store for half a minute and no time moves. So a file that changed lately and is open
/// for writing is written back first (not waited for). Not seen: memory file systems, which never write back, and on
/// overlayfs a mapping whose descriptor is closed.
void settle_mapped(int fd, const FileStat& stat, LastChange by = LastChange::ctime);

/// Receives the bytes in order; `zeros` != 0 = that many zero bytes from a hole (then `bytes` is empty).
using ContentSink = std::function<Status(std::string_view bytes, uint64_t zeros)>;

/// Passes the first `size` bytes of the open file on (holes as holes), in pieces of at most `buffer_size`.
/// Returns the count read: less than `size` when the file was shorter by then.
Result<uint64_t> read_content(int fd, const FileStat& stat, const ContentSink& sink, char* buffer, size_t buffer_size);

/// The first `size` bytes, holes too; fewer where the file ends. `to` has room for them.
Result<size_t> read_begin(int fd, char* to, size_t size);

/// Feeds `count` zero bytes.
void hash_zeros(Hasher& hasher, uint64_t count);

/// Digest of the open file, with `stat` as it was while it was read. stale when it kept changing through several tries.
Result<Digest> hash_file(int fd, Hasher& hasher, FileStat& stat, LastChange by = LastChange::ctime);

}  // namespace twsync
