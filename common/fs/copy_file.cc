#include "common/fs/copy_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "common/base/flush.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/metadata.h"
#include "common/fs/space.h"
#include "common/fs/unique_fd.h"
#include "common/fs/xattrs.h"

namespace twsync {

namespace {

constexpr size_t kBuffer = 256U << 10U;

Status copy_content(int from, const FileStat& stat, int to, CopyCost cost) {
  if (::ioctl(to, FICLONE, from) == 0) return {};
  if (cost == CopyCost::shared_blocks) return Error{ErrorCode::unsupported, "blocks cannot be shared here", {}, 0};
  SYNC_TRY(check_room(to, stat.blocks * 512));
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  const auto sink = [to](std::string_view bytes, uint64_t zeros) -> Status {
    if (zeros == 0) return write_all(to, bytes);
    if (::lseek(to, static_cast<off_t>(zeros), SEEK_CUR) < 0) return error_from_errno(errno, "cannot skip a hole");
    return {};
  };
  SYNC_ASSIGN(const uint64_t got, read_content(from, stat, sink, buffer.get(), kBuffer));
  if (::ftruncate(to, static_cast<off_t>(got)) != 0) return error_from_errno(errno, "cannot set the size");
  return {};
}

}  // namespace

Status copy_file(int from_dir, const char* from, int to_dir, const char* to, CopyCost cost) {
  FileStat stat;
  SYNC_ASSIGN(const UniqueFd source, open_regular(from_dir, from, stat));
  const UniqueFd target(::openat(to_dir, to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return error_from_errno(errno, "cannot create the copy");
  return copy_open_file(source.get(), stat, target.get(), cost);
}

Status copy_open_file(int from, const FileStat& stat, int to, CopyCost cost) {
  SYNC_TRY(copy_content(from, stat, to, cost));
  if (auto xattrs = read_xattrs(proc_fd_path(from), true); xattrs && !xattrs->empty()) {
    (void)write_xattrs(to, *xattrs);
  }
  // Only root may give a file away, and not every file system keeps every time: the copy is worth having in any case.
  if (::fchown(to, stat.uid, stat.gid) != 0 && errno != EPERM)
    return error_from_errno(errno, "cannot set the copy's owner");
  if (::fchmod(to, stat.mode) != 0) return error_from_errno(errno, "cannot set the copy's mode");
  const struct timespec times[2] = {{0, UTIME_OMIT}, to_timespec(stat.mtime_ns)};
  (void)::futimens(to, times);
  if (flush_fd(to) != 0) return error_from_errno(errno, "cannot flush the copy");
  return {};
}

}  // namespace twsync
