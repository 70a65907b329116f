#include "common/fs/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/clock.h"
#include "common/fs/space.h"
#include "common/fs/xattrs.h"

namespace twsync {

namespace {

constexpr uint32_t kSetuid = 04000;
constexpr uint64_t kOneBlock = 4096;

bool not_allowed(int err) {
  return err == EPERM || err == EACCES || err == EOPNOTSUPP || err == EINVAL || err == ENOSYS;
}

// An attribute may be larger than this file system keeps at all; ext4 says then that there is no space.
bool too_large(int fd, int err) {
  return err == E2BIG || err == ERANGE || (err == ENOSPC && check_room(fd, kOneBlock).ok());
}

/// Sets owner and group. false: not the owner, for want of rights; then the group alone may still be allowed.
Result<bool> give_away(int fd, const MetadataChange& change) {
  const uid_t uid = change.uid.value_or(static_cast<uid_t>(-1));
  const gid_t gid = change.gid.value_or(static_cast<gid_t>(-1));
  if (::fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0) return true;
  if (!not_allowed(errno) ||
      (::fchownat(fd, "", static_cast<uid_t>(-1), gid, AT_EMPTY_PATH) != 0 && !not_allowed(errno))) {
    return error_from_errno(errno, "cannot set the owner");
  }
  return !change.uid;
}

}  // namespace

struct timespec to_timespec(int64_t ns) {
  int64_t seconds = ns / kSecond;
  int64_t rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {seconds, rest};
}

MetadataWriter::MetadataWriter(MetadataOptions options, OwnerNames& owners)
    : options_(options), owners_(&owners), euid_(::geteuid()), egid_(::getegid()) {}

// setuid means nothing without its owner: on whoever writes here it would give away that user's rights.
uint32_t MetadataWriter::wanted_mode(const Entry& desired) const {
  const bool keeps = !desired.is_file() || (options_.setuid && options_.owner && !desired.owner.empty());
  return desired.mode & (keeps ? 07777U : 07777U & ~kSetuid);
}

void MetadataWriter::wanted_owner(const Entry& desired, MetadataChange& change) const {
  if (!options_.owner || desired.owner.empty()) return;
  change.uid = owners_->uid_of(desired.owner).value_or(desired.uid);
  change.gid = owners_->gid_of(desired.group).value_or(desired.gid);
}

MetadataChange MetadataWriter::for_new(const Entry& desired, const Entry& expected) const {
  MetadataChange change;
  wanted_owner(desired, change);
  if (!options_.owner && expected.is_file() && desired.is_file()) {
    change.uid = expected.uid;
    change.gid = expected.gid;
  }
  if (change.uid == euid_) change.uid.reset();
  if (change.gid == egid_) change.gid.reset();
  if (!desired.is_symlink()) change.mode = wanted_mode(desired);
  if (options_.xattrs && !desired.is_symlink() && !desired.xattrs.empty()) change.xattrs = desired.xattrs;
  if (!desired.is_directory() || desired.mtime_ns != 0) change.mtime_ns = desired.mtime_ns;
  return change;
}

Result<MetadataChange> MetadataWriter::kept_of(const std::string& path) const {
  MetadataChange change;
  if (options_.xattrs) return change;
  SYNC_ASSIGN(std::string standing, read_xattrs(path, false, XattrUse::keep));
  if (!standing.empty()) change.xattrs = Name(standing);
  return change;
}

MetadataChange MetadataWriter::for_live(const FileStat& now, const Name& xattrs_now, const Entry& desired) const {
  MetadataChange change;
  wanted_owner(desired, change);
  if (change.uid == now.uid) change.uid.reset();
  if (change.gid == now.gid) change.gid.reset();
  // A change of owner clears setuid and setgid, so the mode is set again.
  const bool owner_moves = change.uid || change.gid;
  if (!desired.is_symlink() && (owner_moves || wanted_mode(desired) != now.mode)) change.mode = wanted_mode(desired);
  if (options_.xattrs && !desired.is_symlink() && !(desired.xattrs == xattrs_now)) change.xattrs = desired.xattrs;
  const bool has_time = !desired.is_directory() || desired.mtime_ns != 0;
  if (has_time && desired.mtime_ns != now.mtime_ns) change.mtime_ns = desired.mtime_ns;
  return change;
}

Status MetadataWriter::apply(int fd, Kind kind, const MetadataChange& change) const {
  std::optional<uint32_t> mode = change.mode;
  if (change.uid || change.gid) {
    SYNC_ASSIGN(const bool given, give_away(fd, change));
    if (!given && mode && kind == Kind::file) *mode &= ~kSetuid;
  }
  // fchmod for an ordinary descriptor; an O_PATH one answers EBADF and is reached through /proc.
  if (mode && kind != Kind::symlink && ::fchmod(fd, *mode) != 0 &&
      (errno != EBADF || ::chmod(proc_fd_path(fd).c_str(), *mode) != 0) && !not_allowed(errno)) {
    return error_from_errno(errno, "cannot set the mode");
  }
  if (change.xattrs && kind != Kind::symlink) {
    Status status = write_xattrs(fd, change.xattrs->str());
    const int err = status.ok() ? 0 : status.error().sys_errno;
    if (!status.ok() && !not_allowed(err) && !too_large(fd, err)) return status;
  }
  if (change.mtime_ns) {
    const struct timespec times[2] = {{0, UTIME_OMIT}, to_timespec(*change.mtime_ns)};
    // An O_PATH descriptor is reached through /proc, which does not follow the inode further if it is a symlink.
    if (::futimens(fd, times) != 0 &&
        (errno != EBADF || ::utimensat(AT_FDCWD, proc_fd_path(fd).c_str(), times, 0) != 0) && !not_allowed(errno)) {
      return error_from_errno(errno, "cannot set the time");
    }
  }
  return {};
}

}  // namespace twsync
