#include "common/fs/swap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
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
    return put_back(staged, what, ErrorCode::stale, "it was changed meanwhile");
  }
  if (out.kind != Kind::directory) return displace(staged_name, out, what);
  what.version.clear();
  if (::unlinkat(stage_.fd(), staged_name.c_str(), AT_REMOVEDIR) == 0) return {};
  return put_back(staged, what, ErrorCode::exists, "the directory is not empty");
}

Status Swapper::displace(const std::string& staged_name, const FileStat& out, Displacement& what) {
  if (out.links > 1 && out.kind == Kind::file) return detach_links(what, stage_.fd(), staged_name);
  return rename_noreplace(stage_.fd(), staged_name.c_str(), store_.dir_fd(), what.version.c_str());
}

// The staged name holds what came out, the tree holds ours: swap once more.
Status Swapper::put_back(Staged& staged, Displacement& what, ErrorCode code, const char* why) {
  what.version.clear();
  const std::string name = staged.name();
  const Error answer{code, why, {}, 0};
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
  SYNC_ASSIGN(const std::string id, store_.reserve_durably(std::move(record)));
  SYNC_TRY(rename_noreplace(dir_fd, name.c_str(), store_.dir_fd(), id.c_str()));
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
  if (expectation_.fits(store_.dir_fd(), id.c_str(), out, before, what.op->expected, what.scanned_ns)) {
    return out.links > 1 && out.kind == Kind::file ? detach_links(what, store_.dir_fd(), id) : Status{};
  }
  if (rename_noreplace(store_.dir_fd(), id.c_str(), what.parent, what.name.c_str()).ok()) {
    what.version.clear();
    return stale("it was changed meanwhile");
  }
  // Something newer stands there already: what came out stays in the store, as somebody's data.
  VersionRecord record;
  record.id = id;
  SYNC_ASSIGN(record, store_.find(id));
  record.cause = LoserCause::foreign;
  record.entry = entry_from_stat(out);
  SYNC_TRY(store_.amend(record));
  return stale("it was changed meanwhile");
}

// A later write through another link must not change the stored version: it becomes a copy. Without room for one it
// stays linked, which is better than not kept.
Status Swapper::detach_links(Displacement& what, int dir_fd, const std::string& name) {
  const std::string copy = str(kCopyPrefix, what.version);
  const Status copied = copy_file(dir_fd, name.c_str(), store_.dir_fd(), copy.c_str());
  const bool in_store = dir_fd == store_.dir_fd();
  if (!copied.ok()) {
    ::unlinkat(store_.dir_fd(), copy.c_str(), 0);
    return in_store ? Status{} : rename_noreplace(dir_fd, name.c_str(), store_.dir_fd(), what.version.c_str());
  }
  if (::renameat(store_.dir_fd(), copy.c_str(), store_.dir_fd(), what.version.c_str()) != 0) {
    return error_from_errno(errno, "cannot name the copy of a linked file");
  }
  if (!in_store) ::unlinkat(dir_fd, name.c_str(), 0);
  return {};
}

// RACE: a file system without RENAME_EXCHANGE. The old entry is linked into the store first, so the version that was
// expected is kept in any case; what somebody puts there between the last look and the rename is lost.
Status Swapper::replace_without_exchange(Staged& staged, const FileStat& before, Displacement& what) {
  if (!expectation_.fits(what.parent, what.name.c_str(), before, before, what.op->expected, what.scanned_ns)) {
    what.version.clear();
    return stale("it was changed meanwhile");
  }
  if (before.kind == Kind::directory) {
    what.version.clear();
    if (::unlinkat(what.parent, what.name.c_str(), AT_REMOVEDIR) != 0)
      return as_stale(error_from_errno(errno, "cannot replace"));
    return place_new(staged, what.parent, what.name);
  }
  if (staged.kind == Kind::directory) {
    SYNC_TRY(take_out(what));
    return place_new(staged, what.parent, what.name);
  }
  if (::linkat(what.parent, what.name.c_str(), store_.dir_fd(), what.version.c_str(), 0) != 0) {
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
  return before.links > 1 && before.kind == Kind::file ? detach_links(what, store_.dir_fd(), what.version) : Status{};
}

}  // namespace twsync
