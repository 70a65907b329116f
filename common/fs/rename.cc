#include "common/fs/rename.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "common/fs/file_stat.h"

namespace twsync {

namespace {

std::atomic<bool> plain_only{false};

bool flag_unsupported(int err) {
  return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP;
}

int rename_with(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  if (plain_only.load(std::memory_order_relaxed)) {
    errno = EINVAL;
    return -1;
  }
  return ::renameat2(from_dir, from, to_dir, to, flags);
}

Status move_by_link(int from_dir, const char* from, int to_dir, const char* to) {
  FileStat stat;
  if (const int err = stat_at(from_dir, from, stat); err != 0) return error_from_errno(err, "cannot move");
  if (stat.kind != Kind::directory && ::linkat(from_dir, from, to_dir, to, 0) == 0) {
    if (::unlinkat(from_dir, from, 0) != 0) return error_from_errno(errno, "cannot move");
    return {};
  }
  if (stat.kind != Kind::directory && errno != EPERM && errno != EOPNOTSUPP)
    return error_from_errno(errno, "cannot move");
  FileStat present;
  if (stat_at(to_dir, to, present) != ENOENT) return error_from_errno(EEXIST, "cannot move");
  // RACE: no flags, and nothing that can be linked. rename() itself replaces at worst an empty directory by a
  // directory, or, on a file system without links, a file that was created since the look.
  if (::renameat(from_dir, from, to_dir, to) != 0) return error_from_errno(errno, "cannot move");
  return {};
}

}  // namespace

Status rename_noreplace(int from_dir, const char* from, int to_dir, const char* to) {
  if (rename_with(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0) return {};
  if (!flag_unsupported(errno)) return error_from_errno(errno, "cannot move");
  return move_by_link(from_dir, from, to_dir, to);
}

Status rename_to_own(int from_dir, const char* from, int to_dir, const char* to) {
  if (rename_with(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0) return {};
  if (!flag_unsupported(errno)) return error_from_errno(errno, "cannot move");
  FileStat present;
  if (stat_at(to_dir, to, present) != ENOENT) return error_from_errno(EEXIST, "cannot move");
  if (::renameat(from_dir, from, to_dir, to) != 0) return error_from_errno(errno, "cannot move");
  return {};
}

Status rename_exchange(int a_dir, const char* a, int b_dir, const char* b) {
  if (rename_with(a_dir, a, b_dir, b, RENAME_EXCHANGE) == 0) return {};
  Error error = error_from_errno(errno, "cannot swap in");
  if (flag_unsupported(error.sys_errno)) error.code = ErrorCode::unsupported;
  return error;
}

void set_plain_renames_only(bool on) {
  plain_only = on;
}

}  // namespace twsync
