// What the executor does to one entry: everything but files and groups.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/rel_path.h"
#include "common/fs/executor.h"
#include "common/fs/file_reader.h"
#include "common/fs/rename.h"
#include "common/fs/space.h"
#include "common/fs/stale.h"

namespace twsync {

namespace {

constexpr uint64_t kSmallEntry = 4096;  // a directory's or a symlink's share of the disk

// The inode behind an O_PATH descriptor, for a flush or to read it.
UniqueFd open_inode(int fd) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  const std::string path = proc_fd_path(fd);
  UniqueFd inode(::open(path.c_str(), kFlags | O_NOATIME));
  return inode || errno != EPERM ? std::move(inode) : UniqueFd(::open(path.c_str(), kFlags));
}

}  // namespace

Status Executor::make_directory(InFlight& flight, Item& item, int parent, const std::string& name) {
  const Operation& op = *item.op;
  if (op.expected.kind == Kind::other) return stale("another kind of entry was expected");
  FileStat there;
  const bool replaces = op.expected.is_file() || op.expected.is_symlink();
  if (!replaces && stat_at(parent, name.c_str(), there, root_.device()) == 0) {
    return there.kind == Kind::directory ? Status{} : Status(stale("something else stands there now"));
  }
  SYNC_ASSIGN(Staged staged, stage_directory(op, parent));
  const Status status = put(flight, item, staged, parent, name);
  stage_.discard(staged);
  if (status.ok()) flight.directories.insert(op.path);
  return status;
}

/// Made in the stage: after a crash nobody may find it with a mode that no person chose.
Result<Staged> Executor::stage_directory(const Operation& op, int parent) {
  Entry desired = op.desired;
  desired.kind = Kind::directory;
  // Whatever comes below must be possible; the last stage sets the mode as it shall stay.
  desired.mode |= kMadeDirectoryMode;
  desired.mtime_ns = 0;
  MetadataChange change = metadata_.for_new(desired, op.expected);
  FileStat above;
  const bool inherits = !reader_.preserves_owner() && stat_fd(parent, above) == 0 && (above.mode & S_ISGID) != 0;
  if (inherits) change.gid = above.gid;
  SYNC_TRY(check_room(stage_.fd(), kSmallEntry));
  SYNC_ASSIGN(Staged staged, stage_.make_directory());
  const UniqueFd fd(::openat(stage_.fd(), staged.name().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Status status = fd ? metadata_.apply(fd.get(), Kind::directory, change)
                     : error_from_errno(errno, "cannot open the new directory");
  if (status.ok()) return staged;
  stage_.discard(staged);
  return std::move(status).error();
}

Status Executor::put_symlink(InFlight& flight, Item& item, int parent, const std::string& name) {
  SYNC_TRY(stage_symlink(item));
  return put(flight, item, item.staged, parent, name);
}

Status Executor::stage_symlink(Item& item) {
  SYNC_TRY(check_room(stage_.fd(), kSmallEntry));
  SYNC_ASSIGN(item.staged, stage_.make_symlink(item.op->desired.target));
  const UniqueFd fd(::openat(stage_.fd(), item.staged.name().c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, "cannot open the staged link");
  Entry desired = item.op->desired;
  desired.kind = Kind::symlink;
  return metadata_.apply(fd.get(), Kind::symlink, metadata_.for_new(desired, item.op->expected));
}

Status Executor::rename(InFlight& flight, Item& item, int parent, const std::string& name) {
  const Operation& op = *item.op;
  // The cache keeps what was used last, so `parent` stays open.
  SYNC_ASSIGN(const int from_parent, parent_of(op.from));
  const std::string from(base_name(op.from));
  FileStat before;
  const int err = stat_at(from_parent, from.c_str(), before, root_.device());
  if (err != 0 || op.expected.stamp.inode == 0 || !Expectation::may_fit(before, op.expected)) {
    return stale("what was to be renamed is not there as expected");
  }
  flight.directories.emplace(parent_path(op.from));
  if (Status moved = rename_noreplace(from_parent, from.c_str(), parent, name.c_str()); !moved.ok()) {
    return as_stale(std::move(moved).error());
  }
  const bool fits = stat_at(parent, name.c_str(), item.after) == 0 && Expectation::may_fit(item.after, op.expected);
  // Something else was put under the old name at that moment: it goes back where it belongs.
  if (!fits) (void)rename_noreplace(parent, name.c_str(), from_parent, from.c_str());
  parents_.clear();
  if (!fits) return stale("it was replaced while it was renamed");
  // The content is known as far as nobody touched the file since it was scanned.
  const bool touched = op.expected.stamp.ctime_ns != 0 && op.expected.stamp.ctime_ns != before.ctime_ns;
  if (item.after.kind == Kind::file) {
    SYNC_ASSIGN(const int to_parent, parent_of(op.path));
    FileStat stat;
    const auto fd = touched ? open_regular(to_parent, name.c_str(), stat) : Result<UniqueFd>(UniqueFd());
    read_again(item, fd ? fd->get() : -1, touched);
  }
  return {};
}

Status Executor::set_metadata(InFlight& flight, Item& item, int parent, const std::string& name) {
  const Operation& op = *item.op;
  const UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return as_stale(error_from_errno(errno, "cannot open the entry"));
  FileStat now;
  if (const int err = stat_fd(fd.get(), now); err != 0) return error_from_errno(err, "cannot look at the entry");
  if (!is_untouched(now, op.expected)) return stale("it was changed meanwhile");
  Name xattrs;
  if (reader_.preserves_xattrs() && now.kind != Kind::symlink) {
    SYNC_ASSIGN(const Entry entry, reader_.open_file(fd.get()));
    xattrs = entry.xattrs;
  }
  Entry desired = op.desired;
  desired.kind = now.kind;
  if (item.same_content) desired.mtime_ns = item.mtime_ns;
  const MetadataChange change = metadata_.for_live(now, xattrs, desired);
  // Either of the modes may be one that we cannot read.
  UniqueFd inode = now.kind == Kind::file ? open_inode(fd.get()) : UniqueFd();
  SYNC_TRY(metadata_.apply(fd.get(), now.kind, change));
  if (now.kind == Kind::file && !inode) inode = open_inode(fd.get());
  const int readable = inode.get();
  if (now.kind == Kind::directory) {
    flight.directories.insert(op.path);
  } else if (inode) {
    flight.inodes.push_back(std::move(inode));
  } else {
    flight.whole_file_system = true;
  }
  if (const int err = stat_fd(fd.get(), item.after); err != 0) return error_from_errno(err, "cannot look at the entry");
  if (now.kind == Kind::file) SYNC_TRY(check_content(item, now, readable, change.mtime_ns.has_value()));
  note_own(item.after);
  return {};
}

// A time that nobody set is somebody's write, and never taken for one that could not be kept (R92).
Status Executor::check_content(Item& item, const FileStat& before, int fd, bool time_was_set) {
  const bool other_time = !time_was_set && item.after.mtime_ns != before.mtime_ns;
  if (item.after.size != before.size || other_time) return stale("it was written to meanwhile");
  read_again(item, fd, time_was_set);
  const Digest& expected = item.op->expected.digest;
  const bool other_content = expected.known() && item.digest.known() && item.digest != expected;
  return other_content ? Status(stale("it was written to meanwhile")) : Status{};
}

// A write between the look and the change may hide behind a time that was set: then the content is read before it is
// recorded. Nothing is known of what cannot be read.
void Executor::read_again(Item& item, int fd, bool in_doubt) {
  item.digest = item.op->expected.digest;
  if (!in_doubt) return;
  FileStat stat;
  const auto digest = fd >= 0 ? hash_file(fd, hasher_, stat) : Result<Digest>(stale("it cannot be read"));
  item.digest = digest ? *digest : Digest{};
}

Status Executor::remove(InFlight& flight, Item& item, int parent, const std::string& name) {
  if (item.reserved.empty()) return stale("only a file or a link is removed");
  FileStat stat;
  if (stat_at(parent, name.c_str(), stat) == ENOENT) return {};  // nothing stands there: that is what is wanted
  flight.store_touched = true;
  Displacement what = displacement(flight, item, parent, name);
  Status status = swapper_.take_out(what);
  item.result.version = what.version;
  return status;
}

Status Executor::remove_directory(InFlight& flight, Item& item, int parent, const std::string& name) {
  FileStat stat;
  if (const int err = stat_at(parent, name.c_str(), stat, root_.device()); err != 0) {
    return err == ENOENT ? Status{} : Status(error_from_errno(err, "cannot look at the directory"));
  }
  if (stat.kind != Kind::directory ||
      (item.op->expected.stamp.inode != 0 && stat.inode != item.op->expected.stamp.inode)) {
    return stale("something else stands there now");
  }
  parents_.clear();
  SYNC_ASSIGN(parent, parent_of(item.op->path));
  // Only an empty directory goes, so nothing can be lost between look and act.
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) {
    swapper_.removed_directory(displacement(flight, item, parent, name), stat, Displaced::removed);
    flight.directory_removed = true;
    item.result.version = item.reserved;
    return {};
  }
  if (errno == ENOTEMPTY || errno == EEXIST) return Error{ErrorCode::exists, "the directory is not empty", {}, errno};
  return as_stale(error_from_errno(errno, "cannot remove the directory"));
}

}  // namespace twsync
