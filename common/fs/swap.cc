#include "common/fs/swap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/fs/copy_file.h"
#include "common/fs/entry_reader.h"
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
  return record;
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
  FileStat before;
  if (stat_at(what.parent, what.name.c_str(), before) != 0 || !Expectation::may_fit(before, what.op->expected)) {
    what.version.clear();
    return stale("something else stands there now");
  }
  SYNC_TRY(stage_.give_name(staged));
  const std::string staged_name = staged.name();
  Status swapped = rename_exchange(stage_.fd(), staged_name.c_str(), what.parent, what.name.c_str());
  if (!swapped.ok()) {
    if (swapped.error().code == ErrorCode::unsupported) return replace_without_exchange(staged, before, what);
    what.version.clear();
    return as_stale(std::move(swapped).error());
  }
  // From here on the staged name holds what was displaced.
  staged.named = false;
  FileStat out;
  if (const int err = stat_at(stage_.fd(), staged_name.c_str(), out); err != 0) {
    return error_from_errno(err, "cannot look at what was displaced");
  }
  if (!expectation_.fits(stage_.fd(), staged_name.c_str(), out, before, what.op->expected, what.scanned_ns)) {
    return put_back(staged, what, stale("it was changed meanwhile"));
  }
  if (out.kind != Kind::directory) {
    Status kept = keeper_.keep(stage_.fd(), staged_name, out, record_of(what, Displaced::replaced));
    return kept.ok() ? Status{} : put_back(staged, what, std::move(kept).error());
  }
  if (::unlinkat(stage_.fd(), staged_name.c_str(), AT_REMOVEDIR) == 0) {
    keeper_.removed_directory(what.version, out);
    return {};
  }
  return put_back(staged, what, Error{ErrorCode::exists, "the directory is not empty", {}, 0});
}

// The staged name holds what came out, the tree holds ours: swap once more.
Status Swapper::put_back(Staged& staged, Displacement& what, Error answer) {
  what.version.clear();
  const std::string name = staged.name();
  if (!rename_exchange(stage_.fd(), name.c_str(), what.parent, what.name.c_str()).ok()) {
    // Somebody removed what we had just put there. Theirs that came out before is kept, not resurrected.
    SYNC_TRY(keep_foreign(stage_.fd(), name, what));
    return answer;
  }
  FileStat out;
  if (stat_at(stage_.fd(), name.c_str(), out) == 0 && out.inode == staged.inode) {
    staged.named = true;
    stage_.discard(staged);
    return answer;
  }
  // Somebody replaced ours in between: theirs is the newest and belongs into the tree; what we just put back goes to
  // the store. Should it change yet again, whatever comes out is kept.
  (void)rename_exchange(stage_.fd(), name.c_str(), what.parent, what.name.c_str());
  SYNC_TRY(keep_foreign(stage_.fd(), name, what));
  return answer;
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
  Status moved = rename_noreplace(what.parent, what.name.c_str(), store_.dir_fd(), id.c_str());
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

// RACE: a file system without RENAME_EXCHANGE. The old entry is linked into the store first, so the version that was
// expected is kept in any case; what somebody puts there between the last look and the rename is lost.
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
    keeper_.removed_directory(what.version, before);
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
