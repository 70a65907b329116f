// Operations that become visible together or not at all, and hard links, which are made of one staged file.
//
// Everything is looked at and staged first; then one after the other is swapped in, what it displaces staying in the
// stage; when all are in, that goes to the version store. When one fails, those before it are swapped back. A crash in
// between leaves some of them visible; what they displaced is found in the stage at the next start, and the next scan
// finds the rest of the work.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/executor_member.h"
#include "common/fs/file_reader.h"
#include "common/fs/stale.h"

namespace twsync {

namespace {

// Not a fault of the file: this file system, or this directory's, makes no such link.
bool refuses_links(int err) {
  return err == EMLINK || err == EPERM || err == EXDEV || err == EOPNOTSUPP || err == ENOSYS || err == EACCES;
}

void fail_together(std::span<Item> items, size_t culprit, const Error& error) {
  items[culprit].fail(error);
  Error others = error;
  others.message = str(kGoesTogether, escape_bytes(items[culprit].op->path), ": ", error.message);
  for (Item& item : items) item.fail(others);
}

Entry expected_anchor(const Operation& op, const FileStat& now) {
  Entry expected = op.desired;
  expected.kind = Kind::file;
  expected.mode = now.mode;
  return expected;
}

}  // namespace

void Executor::apply_group(InFlight& flight, std::span<Item> items) {
  std::vector<Member> members(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    members[i].item = &items[i];
    members[i].staged = std::move(items[i].staged);
  }
  size_t at = 0;
  const Status status = bring_in_all(flight, members, at);
  if (status.ok()) {
    for (Member& member : members) note_result(member);
    for (Member& member : members) set_metadata_of(flight, member);
  } else {
    for (size_t i = members.size(); i-- > 0;) undo(members[i]);
    fail_together(items, at, status.error());
  }
  for (size_t i = 0; i < items.size(); ++i) items[i].staged = std::move(members[i].staged);
}

// `at`: what failed.
Status Executor::bring_in_all(InFlight& flight, std::vector<Member>& members, size_t& at) {
  for (at = 0; at < members.size(); ++at) {
    Item& item = *members[at].item;
    if (!item.ok()) return Error{item.result.code, item.result.message, {}, item.result.sys_errno};
    SYNC_TRY(prepare(flight, members, members[at]));
  }
  for (at = 0; at < members.size(); ++at) SYNC_TRY(bring_in(flight, members[at]));
  return keep_displaced(members, at);
}

Status Executor::prepare(InFlight& flight, std::vector<Member>& members, Member& member) {
  const Operation& op = member.op();
  if (op.kind == OpKind::rename) {
    return Error{ErrorCode::peer_violation, "not an operation that goes together with others", {}, 0};
  }
  // Below a directory that the group itself makes nothing stands yet.
  const bool below_new = op.expected.kind == Kind::none && comes_below_new(members, op.path);
  int parent = -1;
  if (!below_new) {
    SYNC_ASSIGN(parent, parent_of(op.path));
  }
  member.what = displacement(flight, *member.item, parent, std::string(base_name(op.path)));
  flight.directories.emplace(parent_path(op.path));
  if (!below_new) SYNC_TRY(look(member, parent));
  switch (op.kind) {
    case OpKind::put_file: {
      if (op.expected.kind == Kind::none && !below_new) inherit_group(*member.item, member.staged, parent);
      const auto is_linked = [&op](const Member& m) { return m.op().kind == OpKind::link && m.op().from == op.path; };
      return std::any_of(members.begin(), members.end(), is_linked) ? stage_.give_name(member.staged) : Status{};
    }
    case OpKind::put_symlink: {
      const Status staged = stage_symlink(*member.item);
      member.staged = std::move(member.item->staged);
      return staged;
    }
    case OpKind::link:
      return stage_link(members, member, flight.batch.scanned_ns);
    case OpKind::make_directory:
      return stage_group_directory(member, parent);
    case OpKind::set_metadata:
    case OpKind::remove:
    case OpKind::remove_directory:
    case OpKind::rename:
      break;
  }
  return {};
}

Status Executor::look(const Member& member, int parent) const {
  const Entry& expected = member.op().expected;
  FileStat now;
  const int err = stat_at(parent, member.what.name.c_str(), now, root_.device());
  if (err == ENOENT && expected.kind == Kind::none) return {};
  if (err != 0) return err == ENOENT ? stale("it is gone") : error_from_errno(err, "cannot look at the entry");
  const bool fits =
      member.op().kind == OpKind::set_metadata ? is_untouched(now, expected) : Expectation::may_fit(now, expected);
  return fits ? Status{} : stale("something else stands there now");
}

// To the file that is put by the same group, or to the one that stands at `from` as the plan expects it.
Status Executor::stage_link(std::vector<Member>& members, Member& member, int64_t scanned_ns) {
  const Operation& op = member.op();
  if (op.desired.stamp.inode == 0) {
    const auto lead = std::find_if(members.begin(), members.end(), [&op](const Member& m) {
      return m.op().kind == OpKind::put_file && m.op().path == op.from && m.staged.named;
    });
    if (lead == members.end()) return stale("what it is linked to is not there yet");
    const UniqueFd fd(::openat(stage_.fd(), lead->staged.name().c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return error_from_errno(errno, "cannot open the staged file");
    member.item->digest = lead->item->digest;
    member.item->result.source = lead->item->result.source;
    return stage_name_of(fd.get(), stage_.fd(), lead->staged.name(), member);
  }
  SYNC_ASSIGN(const int parent, parent_of(op.from));
  const std::string name(base_name(op.from));
  const UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  FileStat now;
  if (!fd || stat_fd(fd.get(), now) != 0) return stale("what it is to be linked to is gone");
  const Entry expected = expected_anchor(op, now);
  const bool ours = now.inode == expected.stamp.inode && is_as_we_left_it(now);
  if (!ours && !expectation_.fits(parent, name.c_str(), now, now, expected, scanned_ns)) {
    return stale("what it is to be linked to was changed meanwhile");
  }
  member.item->digest = op.desired.digest;
  return stage_name_of(fd.get(), parent, name, member);
}

// One more name of the open file in the stage; where that is refused, a copy of what `name` below `dir_fd` is.
Status Executor::stage_name_of(int fd, int dir_fd, const std::string& name, Member& member) {
  Item& item = *member.item;
  auto linked = stage_.make_link(fd);
  if (!linked && refuses_links(linked.error().sys_errno)) {
    FileStat wanted;
    FileStat opened;
    SYNC_ASSIGN(const UniqueFd source, open_regular(dir_fd, name.c_str(), opened));
    if (stat_fd(fd, wanted) != 0 || wanted.inode != opened.inode) return stale("it was replaced meanwhile");
    item.result.apart = true;
    item.result.message = str("stands there as a copy, not as a hard link: ", linked.error().message);
    linked = stage_.make_copy(source.get(), opened);
  }
  if (!linked) return std::move(linked).error();
  member.staged = std::move(linked).value();
  if (const int err = stat_at(stage_.fd(), member.staged.name().c_str(), item.staged_stat); err != 0) {
    return error_from_errno(err, "cannot look at the staged link");
  }
  return {};
}

Status Executor::bring_in(InFlight& flight, Member& member) {
  const Operation& op = member.op();
  if (op.kind == OpKind::set_metadata) return {};
  if (op.kind == OpKind::remove_directory) return take_directory(flight, member);
  SYNC_ASSIGN(member.what.parent, parent_of(op.path));
  if (op.kind == OpKind::make_directory) flight.directories.insert(op.path);
  if (op.kind != OpKind::remove && op.expected.kind == Kind::none) return place(member);
  flight.store_touched = true;
  if (op.kind == OpKind::remove) {
    SYNC_TRY(swapper_.take_out(member.what));
    member.state = Member::State::removed;
    return {};
  }
  Status swapped = swapper_.swap_in(member.staged, member.what);
  if (swapped.ok()) {
    member.state = Member::State::swapped;
  } else if (swapped.error().code == ErrorCode::unsupported) {
    // Without exchange there is no way back: what comes after may fail, and the next plan goes on from there.
    swapped = swapper_.replace(member.staged, member.what);
    if (swapped.ok()) member.state = Member::State::kept;
  }
  if (op.expected.is_directory() || op.kind == OpKind::make_directory) parents_.clear();
  flight.directory_removed = flight.directory_removed || op.expected.is_directory();
  return swapped;
}

Status Executor::place(Member& member) {
  if (const int err = member.staged.named ? stat_at(stage_.fd(), member.staged.name().c_str(), member.what.staged)
                                          : stat_fd(member.staged.fd.get(), member.what.staged);
      err != 0) {
    return error_from_errno(err, "cannot look at what is staged");
  }
  SYNC_TRY(swapper_.place_new(member.staged, member.what.parent, member.what.name));
  member.state = Member::State::placed;
  return {};
}

// Those that need a copy first: room for it is what may be missing.
Status Executor::keep_displaced(std::vector<Member>& members, size_t& at) {
  for (const bool copies : {true, false}) {
    for (at = 0; at < members.size(); ++at) {
      Member& member = members[at];
      if (member.state != Member::State::swapped || (member.what.out.links > 1) != copies) continue;
      // The directories that were open when it was swapped in may be others by now.
      SYNC_ASSIGN(member.what.parent, parent_of(member.op().path));
      // It puts itself back when it fails.
      member.state = Member::State::waiting;
      SYNC_TRY(swapper_.keep(member.staged, member.what));
      member.state = Member::State::kept;
      if (member.what.left) note_own(*member.what.left);
    }
  }
  return {};
}

// What cannot be swapped back stays as it is: what was displaced is in the stage then, and goes to the version store
// with the next start.
void Executor::undo(Member& member) {
  const bool directory = member.op().kind == OpKind::make_directory || member.op().kind == OpKind::remove_directory;
  auto parent = parent_of(member.op().path);
  if (parent) {
    member.what.parent = *parent;
    if (directory) undo_directory(member);
    if (member.state == Member::State::placed) (void)swapper_.take_back(member.staged, member.what);
    if (member.state == Member::State::swapped) (void)swapper_.swap_back(member.staged, member.what);
    if (member.state == Member::State::removed) (void)swapper_.give_back(member.what);
  }
  if (directory || member.op().expected.is_directory()) parents_.clear();
  stage_.discard(member.staged);
  member.item->result.version = member.what.version;
  member.item->result.apart = false;
}

void Executor::note_result(Member& member) {
  Item& item = *member.item;
  item.result.version = member.what.version;
  if (member.state == Member::State::taken) {
    swapper_.removed_directory(member.what, member.what.out, Displaced::removed);
  }
  if (member.op().kind != OpKind::put_file && member.op().kind != OpKind::link) return;
  FileStat now;
  auto parent = parent_of(member.op().path);
  if (!parent || stat_at(*parent, member.what.name.c_str(), now) != 0) return;
  const FileStat& staged = item.staged_stat;
  if (now.inode == staged.inode && now.size == staged.size && now.mtime_ns == staged.mtime_ns) note_own(now);
}

// Last, as there is no way back from it; of one inode it fails for all names or for none.
void Executor::set_metadata_of(InFlight& flight, Member& member) {
  if (member.op().kind != OpKind::set_metadata) return;
  auto parent = parent_of(member.op().path);
  const Status set = parent ? set_metadata(flight, *member.item, *parent, member.what.name) : Status(parent.error());
  if (!set.ok()) member.item->fail(set.error());
}

}  // namespace twsync
