#include "common/fs/swap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/fs/copy_file.h"
#include "common/fs/entry_reader.h"
#include "common/fs/remove_tree.h"
#include "common/fs/rename.h"

namespace twsync {

namespace {

Error stale(const char* why) {
  return Error{ErrorCode::stale, why, {}, 0};
}

// Something appeared or vanished while we were at it: scan again.
Error as_stale(Error error) {
  const int err = error.sys_errno;
  if (err == EEXIST || err == ENOENT || err == ENOTDIR) error.code = ErrorCode::stale;
  return error;
}

VersionRecord record_of(const Displacement& what, Displaced how) {
  VersionRecord record;
  record.id = what.version;
  record.path = what.op->path;
  record.cause = what.op->cause;
  record.entry = what.op->expected;
  record.epoch = what.epoch;
  record.cycle = what.cycle;
  record.how = how;
  record.time_ns = what.reserved_ns;
  return record;
}

bool is_empty_directory(int dir_fd, const std::string& name) {
  const UniqueFd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return false;
  const auto names = names_in(fd.get());
  return names && names->empty();
}

// Moving an inode moves its ctime, nothing else.
bool is_as_before(const FileStat& now, const FileStat& before) {
  return now.inode == before.inode && now.size == before.size && now.mtime_ns == before.mtime_ns;
}

}  // namespace

Status Swapper::place_new(Staged& staged, int parent, const std::string& name) {
  if (!staged.named) {
    Status status = stage_.link_into(staged, parent, name.c_str());
    if (!status.ok()) return as_stale(std::move(status).error());
    return {};
  }
  Status status = rename_noreplace(stage_.fd(), staged.name().c_str(), parent, name.c_str());
  if (!status.ok()) return as_stale(std::move(status).error());
  staged.named = false;
  return {};
}

Status Swapper::replace(Staged& staged, Displacement& what) {
  Status swapped = swap_in(staged, what);
  if (swapped.ok()) return keep(staged, what);
  if (swapped.error().code != ErrorCode::unsupported) return swapped;
  FileStat before;
  if (const int err = stat_at(what.parent, what.name.c_str(), before); err != 0) {
    what.version.clear();
    return as_stale(error_from_errno(err, "cannot look at what is to be replaced"));
  }
  return replace_without_exchange(staged, before, what);
}

Status Swapper::swap_in(Staged& staged, Displacement& what) {
  FileStat before;
  if (stat_at(what.parent, what.name.c_str(), before) != 0 || !Expectation::may_fit(before, what.op->expected)) {
    what.version.clear();
    return stale("something else stands there now");
  }
  SYNC_TRY(stage_.give_name(staged));
  const std::string staged_name = staged.name();
  if (const int err = stat_at(stage_.fd(), staged_name.c_str(), what.staged); err != 0) {
    return error_from_errno(err, "cannot look at the staged entry");
  }
  Status swapped = rename_exchange(stage_.fd(), staged_name.c_str(), what.parent, what.name.c_str());
  if (!swapped.ok()) {
    if (swapped.error().code == ErrorCode::unsupported) return swapped;
    what.version.clear();
    return as_stale(std::move(swapped).error());
  }
  // From here on the staged name holds what was displaced.
  staged.named = false;
  if (const int err = stat_at(stage_.fd(), staged_name.c_str(), what.out); err != 0) {
    return error_from_errno(err, "cannot look at what was displaced");
  }
  if (!expectation_.fits(stage_.fd(), staged_name.c_str(), what.out, before, what.op->expected, what.scanned_ns)) {
    return put_back(staged, what, stale("it was changed meanwhile"));
  }
  // Only keep() takes it away.
  if (what.out.kind == Kind::directory && !is_empty_directory(stage_.fd(), staged_name)) {
    return put_back(staged, what, Error{ErrorCode::exists, "the directory is not empty", {}, 0});
  }
  return {};
}

Status Swapper::keep(Staged& staged, Displacement& what) {
  const std::string staged_name = staged.name();
  if (what.out.kind != Kind::directory) {
    Status kept = keep_file(staged_name, what);
    return kept.ok() ? Status{} : put_back(staged, what, std::move(kept).error());
  }
  if (::unlinkat(stage_.fd(), staged_name.c_str(), AT_REMOVEDIR) == 0) {
    removed_directory(what, what.out, Displaced::replaced);
    return {};
  }
  return put_back(staged, what, Error{ErrorCode::exists, "the directory is not empty", {}, 0});
}

Status Swapper::keep_file(const std::string& staged_name, Displacement& what) {
  const bool linked = has_other_names(stage_.fd(), staged_name, what.out);
  const UniqueFd fd(linked ? ::openat(stage_.fd(), staged_name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1);
  const Digest& was = what.op->expected.digest;
  if (linked && was.known() && was == what.op->desired.digest) {
    // The same content stands at the path; whoever has the old file open writes to its other names.
    what.version.clear();
    ::unlinkat(stage_.fd(), staged_name.c_str(), 0);
  } else {
    SYNC_TRY(keeper_.keep(stage_.fd(), staged_name, what.out, record_of(what, Displaced::replaced)));
  }
  FileStat now;
  if (fd && stat_fd(fd.get(), now) == 0 && is_as_before(now, what.out) && now.mode == what.out.mode) what.left = now;
  return {};
}

void Swapper::removed_directory(const Displacement& what, const FileStat& stat, Displaced how) {
  if (!what.version.empty()) keeper_.removed_directory(record_of(what, how), stat);
}

Status Swapper::put_back(Staged& staged, Displacement& what, Error answer) {
  SYNC_TRY(swap_back(staged, what));
  return answer;
}

// The staged name holds what came out, the tree holds ours: swap once more.
Status Swapper::swap_back(Staged& staged, Displacement& what) {
  what.version.clear();
  const std::string name = staged.name();
  if (!rename_exchange(stage_.fd(), name.c_str(), what.parent, what.name.c_str()).ok()) {
    // Somebody removed what we had just put there. Theirs that came out before is kept, not resurrected.
    return keep_foreign(stage_.fd(), name, what);
  }
  FileStat out;
  if (stat_at(stage_.fd(), name.c_str(), out) == 0 && out.inode == staged.inode) {
    if (out.kind == Kind::file && !is_as_before(out, what.staged)) return keep_foreign(stage_.fd(), name, what);
    staged.named = true;
    stage_.discard(staged);
    return {};
  }
  // Somebody replaced ours in between: theirs is the newest and belongs into the tree; what we just put back goes to
  // the store. Should it change yet again, whatever comes out is kept.
  (void)rename_exchange(stage_.fd(), name.c_str(), what.parent, what.name.c_str());
  return keep_foreign(stage_.fd(), name, what);
}

Status Swapper::take_back(Staged& staged, Displacement& what) {
  const std::string name = staged.name();
  Status moved = rename_noreplace(what.parent, what.name.c_str(), stage_.fd(), name.c_str());
  if (!moved.ok()) return moved.error().sys_errno == ENOENT ? Status{} : moved;
  FileStat out;
  if (const int err = stat_at(stage_.fd(), name.c_str(), out); err != 0) {
    return error_from_errno(err, "cannot look at what was taken back");
  }
  if (out.inode == staged.inode && (out.kind != Kind::file || is_as_before(out, what.staged))) {
    staged.named = true;
    stage_.discard(staged);
    return {};
  }
  // Somebody put something else there, which stays; or wrote into ours, which is kept.
  const bool theirs = out.inode != staged.inode;
  if (theirs && rename_noreplace(stage_.fd(), name.c_str(), what.parent, what.name.c_str()).ok()) return {};
  return keep_foreign(stage_.fd(), name, what);
}

Status Swapper::give_back(Displacement& what) {
  FileStat out;
  if (const int err = stat_at(store_.dir_fd(), what.version.c_str(), out); err != 0) {
    return error_from_errno(err, "cannot look at what was removed");
  }
  Status back = give_back(out, what, stale("something else stands there now"));
  return what.version.empty() ? Status{} : back;
}

Status Swapper::keep_foreign(int dir_fd, const std::string& name, Displacement& what) {
  FileStat stat;
  if (const int err = stat_at(dir_fd, name.c_str(), stat); err != 0) {
    return err == ENOENT ? Status{} : Status(error_from_errno(err, "cannot look at what was displaced"));
  }
  VersionRecord record;
  record.path = what.op->path;
  record.cause = LoserCause::foreign;
  record.entry = entry_from_stat(stat);
  if (record.entry.is_symlink()) {
    if (auto target = read_link(dir_fd, name.c_str())) record.entry.target = std::move(target).value();
  }
  record.epoch = what.epoch;
  record.cycle = what.cycle;
  SYNC_ASSIGN(const std::string id, store_.reserve_durably(record));
  record.id = id;
  SYNC_TRY(keeper_.keep(dir_fd, name, stat, record));
  what.version = id;
  return {};
}

Status Swapper::take_out(Displacement& what) {
  FileStat before;
  if (stat_at(what.parent, what.name.c_str(), before) != 0 || !Expectation::may_fit(before, what.op->expected)) {
    what.version.clear();
    return stale("something else stands there now");
  }
  const std::string id = what.version;
  Status moved = rename_to_own(what.parent, what.name.c_str(), store_.dir_fd(), id.c_str());
  if (!moved.ok()) {
    what.version.clear();
    return as_stale(std::move(moved).error());
  }
  FileStat out;
  if (const int err = stat_at(store_.dir_fd(), id.c_str(), out); err != 0) {
    return error_from_errno(err, "cannot look at what was removed");
  }
  if (!expectation_.fits(store_.dir_fd(), id.c_str(), out, before, what.op->expected, what.scanned_ns)) {
    return give_back(out, what, stale("it was changed meanwhile"));
  }
  Status kept = keeper_.keep(store_.dir_fd(), id, out, record_of(what, Displaced::removed));
  return kept.ok() ? Status{} : give_back(out, what, std::move(kept).error());
}

// Out of the store into the tree with what was taken out.
Status Swapper::give_back(const FileStat& out, Displacement& what, Error why) {
  const std::string id = what.version;
  if (rename_noreplace(store_.dir_fd(), id.c_str(), what.parent, what.name.c_str()).ok()) {
    what.version.clear();
    return why;
  }
  // Something newer stands there already: what came out stays in the store, as somebody's data.
  SYNC_ASSIGN(VersionRecord record, store_.find(id));
  record.cause = LoserCause::foreign;
  record.entry = entry_from_stat(out);
  SYNC_TRY(store_.amend(record));
  return why;
}

// RACE: a file system without RENAME_EXCHANGE. What cannot be had there:
// - File by file: the old one is linked (or copied) into the store first, so the version that was expected is kept in
//   any case. What somebody renames into place between the last look and our rename, two system calls, is lost (I7).
//   To move the old one out first would lose nothing, but then every reader would find nothing there for a moment
//   (I8), and a crash in that moment would look like a deletion.
// - A file or an empty directory by the other kind: nothing stands there for a moment. After a crash in it the next
//   sync takes it for deleted there: an edit against a deletion, by the policy. The file is in the store.
Status Swapper::replace_without_exchange(Staged& staged, const FileStat& before, Displacement& what) {
  if (!expectation_.fits(what.parent, what.name.c_str(), before, before, what.op->expected, what.scanned_ns)) {
    what.version.clear();
    return stale("it was changed meanwhile");
  }
  if (before.kind == Kind::directory) {
    if (::unlinkat(what.parent, what.name.c_str(), AT_REMOVEDIR) != 0) {
      what.version.clear();
      return as_stale(error_from_errno(errno, "cannot replace"));
    }
    removed_directory(what, before, Displaced::replaced);
    return place_new(staged, what.parent, what.name);
  }
  if (staged.kind == Kind::directory) {
    SYNC_TRY(take_out(what));
    return place_new(staged, what.parent, what.name);
  }
  Status status = link_then_replace(staged, before, what);
  if (!status.ok()) {
    ::unlinkat(store_.dir_fd(), what.version.c_str(), 0);
    what.version.clear();
    return status;
  }
  FileStat alone = before;
  alone.links = 1;
  return keeper_.keep(store_.dir_fd(), what.version, alone, record_of(what, Displaced::replaced));
}

Status Swapper::link_then_replace(Staged& staged, const FileStat& before, Displacement& what) {
  const bool linked = before.kind == Kind::file && before.links > 1;
  if (linked || ::linkat(what.parent, what.name.c_str(), store_.dir_fd(), what.version.c_str(), 0) != 0) {
    SYNC_TRY(copy_file(what.parent, what.name.c_str(), store_.dir_fd(), what.version.c_str()));
  }
  FileStat now;
  if (stat_at(what.parent, what.name.c_str(), now) != 0 || !Expectation::may_fit(now, what.op->expected)) {
    return stale("it was changed meanwhile");
  }
  if (::renameat(stage_.fd(), staged.name().c_str(), what.parent, what.name.c_str()) != 0) {
    return error_from_errno(errno, "cannot replace");
  }
  staged.named = false;
  return {};
}

}  // namespace twsync
