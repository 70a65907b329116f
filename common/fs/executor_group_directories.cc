// Directories in a group: only where one changes places with something else. Any other is made before and removed
// after.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "common/base/rel_path.h"
#include "common/fs/executor_member.h"
#include "common/fs/remove_tree.h"
#include "common/fs/rename.h"
#include "common/fs/stale.h"

namespace twsync {

namespace {

bool is_empty_directory(int dir_fd, const std::string& name) {
  const UniqueFd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return false;
  const auto names = names_in(fd.get());
  return names && names->empty();
}

}  // namespace

bool Executor::comes_below_new(const std::vector<Member>& members, const std::string& path) {
  return std::any_of(members.begin(), members.end(), [&path](const Member& m) {
    return m.op().kind == OpKind::make_directory && is_below(path, m.op().path);
  });
}

Status Executor::stage_group_directory(Member& member, int parent) {
  if (member.op().expected.kind == Kind::other) return stale("another kind of entry was expected");
  SYNC_ASSIGN(member.staged, stage_directory(member.op(), parent));
  return {};
}

/// Into the stage, so that it can come back as it was; dropping the staged entry removes it.
Status Executor::take_directory(InFlight& flight, Member& member) {
  parents_.clear();
  SYNC_ASSIGN(member.what.parent, parent_of(member.op().path));
  FileStat before;
  if (const int err = stat_at(member.what.parent, member.what.name.c_str(), before, root_.device()); err != 0) {
    return as_stale(error_from_errno(err, "cannot look at the directory"));
  }
  if (!Expectation::may_fit(before, member.op().expected)) return stale("something else stands there now");
  Staged taken;
  taken.kind = Kind::directory;
  taken.inode = before.inode;
  const std::string name = taken.name();
  Status moved = rename_noreplace(member.what.parent, member.what.name.c_str(), stage_.fd(), name.c_str());
  if (!moved.ok()) return as_stale(std::move(moved).error());
  const bool same = stat_at(stage_.fd(), name.c_str(), member.what.out) == 0 && member.what.out.inode == before.inode;
  if (!same || !is_empty_directory(stage_.fd(), name)) {
    (void)rename_noreplace(stage_.fd(), name.c_str(), member.what.parent, member.what.name.c_str());
    if (!same) return stale("something else stands there now");
    return Error{ErrorCode::exists, "the directory is not empty", {}, 0};
  }
  taken.named = true;
  member.staged = std::move(taken);
  member.state = Member::State::taken;
  flight.directory_removed = flight.store_touched = true;
  return {};
}

/// REQUIRES: what.parent is open. What somebody put into it meanwhile keeps it.
void Executor::undo_directory(Member& member) {
  const char* name = member.what.name.c_str();
  FileStat now;
  if (member.state == Member::State::placed) {
    const bool ours = stat_at(member.what.parent, name, now) == 0 && now.inode == member.staged.inode;
    if (ours) ::unlinkat(member.what.parent, name, AT_REMOVEDIR);
    member.state = Member::State::waiting;
  }
  if (member.state == Member::State::taken) {
    const std::string staged = member.staged.name();
    if (rename_noreplace(stage_.fd(), staged.c_str(), member.what.parent, name).ok()) member.staged.named = false;
    member.what.version.clear();
    member.state = Member::State::waiting;
  }
}

}  // namespace twsync
