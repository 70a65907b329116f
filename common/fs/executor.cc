#include "common/fs/executor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/rel_path.h"
#include "common/fs/file_reader.h"
#include "common/fs/rename.h"
#include "common/fs/space.h"

namespace twsync {

namespace {

constexpr size_t kOwnMost = 100'000;
constexpr uint64_t kSmallEntry = 4096;  // a directory's or a symlink's share of the disk

Error stale(const char* why) {
  return Error{ErrorCode::stale, why, {}, 0};
}

bool is_absence(int err) {
  return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

// A path that leads nowhere any more, or through a link or a mount: the tree is not what was scanned.
Error as_stale(Error error) {
  switch (error.sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case EEXIST:
      error.code = ErrorCode::stale;
      break;
    default:
      break;
  }
  return error;
}

bool displaces(const Operation& op) {
  const bool something = op.expected.is_file() || op.expected.is_symlink();
  switch (op.kind) {
    case OpKind::make_directory:
    case OpKind::remove:
      return something;
    case OpKind::put_file:
    case OpKind::put_symlink:
    case OpKind::link:
      return something || op.expected.is_directory();
    case OpKind::remove_directory:
      return op.expected.is_directory();
    default:
      return false;
  }
}

}  // namespace

// A directory's ctime follows its children; anything else must not have been touched at all since the scan, unless the
// plan says (ctime 0) that it moved the entry itself. A directory that the plan made has no stamp to compare.
bool Executor::is_untouched(const FileStat& now, const Entry& expected) const {
  const Stamp& stamp = expected.stamp;
  if (now.inode == stamp.inode && is_as_we_left_it(now)) return true;
  if (!Expectation::may_fit(now, expected)) return false;
  if (now.kind == Kind::directory) return stamp.inode == 0 || now.mode == expected.mode;
  return stamp.inode != 0 && (stamp.ctime_ns == 0 || stamp.ctime_ns == now.ctime_ns);
}

bool Executor::is_as_we_left_it(const FileStat& now) const {
  const auto own = own_.find(now.inode);
  return own != own_.end() && now.same_moment(own->second) && now.mode == own->second.mode;
}

void Executor::note_own(const FileStat& now) {
  if (now.kind == Kind::file && now.links > 1) own_.insert_or_assign(now.inode, now);
}

Executor::Executor(const RootDir& root, StageArea& stage, VersionStore& store, const EntryReader& reader,
                   const MetadataWriter& metadata, const HashKey& key)
    : root_(root),
      stage_(stage),
      store_(store),
      reader_(reader),
      metadata_(metadata),
      swapper_(stage, store, key),
      expectation_(key),
      hasher_(key),
      parents_(root) {}

void Executor::reserve(const std::vector<std::unique_ptr<InFlight>>& flights) {
  std::vector<VersionRecord> records;
  std::vector<Item*> items;
  for (const auto& flight : flights) {
    for (Item& item : flight->items) {
      if (!item.ok() || !displaces(*item.op)) continue;
      VersionRecord& record = records.emplace_back();
      record.path = item.op->path;
      record.cause = item.op->cause;
      record.entry = item.op->expected;
      record.epoch = flight->batch.epoch;
      record.cycle = flight->batch.cycle;
      const bool removes = item.op->kind == OpKind::remove || item.op->kind == OpKind::remove_directory;
      record.how = removes ? Displaced::removed : Displaced::replaced;
      items.push_back(&item);
    }
  }
  has_reserved_ = !items.empty();
  const Status status = store_.reserve(records);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!status.ok()) {
      items[i]->fail(status.error());
    } else {
      items[i]->reserved = records[i].id;
      items[i]->reserved_ns = records[i].time_ns;
    }
  }
}

Result<int> Executor::parent_of(const std::string& path) {
  auto parent = parents_.parent_of(path);
  if (!parent) return as_stale(std::move(parent).error());
  return *parent;
}

Displacement Executor::displacement(const InFlight& flight, const Item& item, int parent,
                                    const std::string& name) const {
  Displacement what;
  what.op = item.op;
  what.parent = parent;
  what.name = name;
  what.epoch = flight.batch.epoch;
  what.cycle = flight.batch.cycle;
  what.scanned_ns = flight.batch.scanned_ns;
  what.reserved_ns = item.reserved_ns;
  what.version = item.reserved;
  return what;
}

void Executor::make_visible(InFlight& flight) {
  parents_.clear();
  if (own_.size() > kOwnMost) own_.clear();
  for (size_t i = 0; i < flight.items.size();) {
    const Operation& op = *flight.items[i].op;
    size_t end = i + 1;
    while (op.group != 0 && end < flight.items.size() && flight.items[end].op->group == op.group) ++end;
    const std::span<Item> together(&flight.items[i], end - i);
    if (op.group != 0 || op.kind == OpKind::link) {
      apply_group(flight, together);
    } else if (Item& item = together.front(); item.ok()) {
      if (Status status = apply(flight, item); !status.ok()) item.fail(status.error());
    }
    for (Item& item : together) stage_.discard(item.staged);
    i = end;
  }
  // A line that is lost says less of a version, and that of a directory is gone: no reason to fail what was done.
  (void)swapper_.settle();
  // A cached directory may be moved by somebody at any time: never kept beyond the batch.
  parents_.clear();
}

Status Executor::apply(InFlight& flight, Item& item) {
  const Operation& op = *item.op;
  SYNC_ASSIGN(const int parent, parent_of(op.path));
  const std::string name = op.path.empty() ? "." : std::string(base_name(op.path));
  flight.directories.emplace(parent_path(op.path));
  switch (op.kind) {
    case OpKind::make_directory:
      return make_directory(flight, item, parent, name);
    case OpKind::put_file:
      return put(flight, item, item.staged, parent, name);
    case OpKind::put_symlink:
      return put_symlink(flight, item, parent, name);
    case OpKind::rename:
      return rename(flight, item, parent, name);
    case OpKind::set_metadata:
      return set_metadata(flight, item, parent, name);
    case OpKind::remove:
      return remove(flight, item, parent, name);
    case OpKind::remove_directory:
      return remove_directory(flight, item, parent, name);
    case OpKind::link:
      break;  // always as a group
  }
  return Error{ErrorCode::peer_violation, "unknown operation", {}, 0};
}

Status Executor::put(InFlight& flight, Item& item, Staged& staged, int parent, const std::string& name) {
  const Kind expected = item.op->expected.kind;
  if (expected == Kind::other) return stale("another kind of entry was expected");
  if (expected == Kind::none) {
    inherit_group(item, staged, parent);
    return swapper_.place_new(staged, parent, name);
  }
  flight.store_touched = true;
  Displacement what = displacement(flight, item, parent, name);
  Status status = swapper_.replace(staged, what);
  item.result.version = what.version;
  if (what.left) note_own(*what.left);
  if (expected == Kind::directory || staged.kind == Kind::directory) parents_.clear();
  flight.directory_removed = flight.directory_removed || expected == Kind::directory;
  return status;
}

// As a file created in place would have it: a setgid directory gives its group to what is made in it.
void Executor::inherit_group(Item& item, Staged& staged, int parent) {
  if (reader_.preserves_owner() || !staged.fd) return;
  FileStat stat;
  if (stat_fd(parent, stat) != 0 || (stat.mode & S_ISGID) == 0 || stat.gid == item.staged_stat.gid) return;
  MetadataChange change;
  change.gid = stat.gid;
  change.mode = item.staged_stat.mode;
  (void)metadata_.apply(staged.fd.get(), Kind::file, change);
}

Status Executor::make_directory(InFlight& flight, Item& item, int parent, const std::string& name) {
  const Operation& op = *item.op;
  Entry desired = op.desired;
  desired.kind = Kind::directory;
  // Whatever comes below must be possible; the last stage sets the mode as it shall stay.
  desired.mode |= kMadeDirectoryMode;
  desired.mtime_ns = 0;
  if (op.expected.kind == Kind::other) return stale("another kind of entry was expected");
  FileStat there;
  const bool replaces = op.expected.is_file() || op.expected.is_symlink();
  if (!replaces && stat_at(parent, name.c_str(), there, root_.device()) == 0) {
    return there.kind == Kind::directory ? Status{} : Status(stale("something else stands there now"));
  }
  MetadataChange change = metadata_.for_new(desired, op.expected);
  FileStat above;
  const bool inherits = !reader_.preserves_owner() && stat_fd(parent, above) == 0 && (above.mode & S_ISGID) != 0;
  if (inherits) change.gid = above.gid;
  SYNC_TRY(check_room(stage_.fd(), kSmallEntry));
  // Made in the stage: after a crash nobody may find it with a mode that no person chose.
  SYNC_ASSIGN(Staged staged, stage_.make_directory());
  const UniqueFd fd(::openat(stage_.fd(), staged.name().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Status status = fd ? metadata_.apply(fd.get(), Kind::directory, change)
                     : error_from_errno(errno, "cannot open the new directory");
  if (status.ok()) status = put(flight, item, staged, parent, name);
  stage_.discard(staged);
  if (status.ok()) flight.directories.insert(op.path);
  return status;
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
    return read_again(item, to_parent, name, touched);
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
  const MetadataChange change = metadata_.for_live(now, xattrs, desired);
  UniqueFd inode;
  if (now.kind == Kind::file)
    inode = UniqueFd(::open(proc_fd_path(fd.get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  SYNC_TRY(metadata_.apply(fd.get(), now.kind, change));
  if (now.kind == Kind::directory) {
    flight.directories.insert(op.path);
  } else if (inode) {
    flight.inodes.push_back(std::move(inode));
  } else {
    flight.whole_file_system = true;
  }
  if (now.kind == Kind::file) SYNC_TRY(read_again(item, parent, name, change.mtime_ns.has_value()));
  if (const int err = stat_fd(fd.get(), item.after); err != 0) return error_from_errno(err, "cannot look at the entry");
  note_own(item.after);
  return {};
}

// A write between the look and the change hides behind the time that was set: then the content is read before it is
// recorded. Otherwise its own mtime would show it.
Status Executor::read_again(Item& item, int parent, const std::string& name, bool in_doubt) {
  item.digest = item.op->expected.digest;
  if (!in_doubt) return {};
  FileStat stat;
  const auto fd = open_regular(parent, name.c_str(), stat);
  const auto digest = fd ? hash_file(fd->get(), hasher_, stat) : Result<Digest>(fd.error());
  item.digest = digest ? *digest : Digest{};
  return {};
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

BatchResult Executor::report(InFlight& flight) {
  DirCache parents(root_);
  BatchResult out;
  out.batch = flight.batch.id;
  out.wire_bytes = flight.wire_bytes;
  out.results.reserve(flight.items.size());
  for (Item& item : flight.items) {
    fill_result(item, parents);
    out.results.push_back(std::move(item.result));
  }
  return out;
}

void Executor::fill_result(Item& item, DirCache& parents) {
  const Operation& op = *item.op;
  if (item.result.code == ErrorCode::peer_violation) return;  // not even looked at
  auto parent = op.path.empty() ? Result<int>(root_.fd()) : parents.parent_of(op.path);
  const std::string name = op.path.empty() ? "." : std::string(base_name(op.path));
  auto entry = parent ? reader_.at(*parent, name.c_str()) : Result<Entry>(parent.error());
  if (!entry && is_absence(entry.error().sys_errno)) entry = Entry{};
  if (!entry) {
    item.fail(std::move(entry).error());
    return;
  }
  item.result.target = std::move(entry).value();
  if (!item.ok()) return;
  const Entry& target = item.result.target;
  const Error changed = stale("it was changed right after");
  switch (op.kind) {
    case OpKind::make_directory:
      if (!target.is_directory()) item.fail(changed);
      break;
    case OpKind::put_file:
    case OpKind::link:
      check_put(item);
      break;
    case OpKind::put_symlink:
      if (!target.is_symlink() || target.target != op.desired.target) item.fail(changed);
      break;
    case OpKind::rename:
      if (target.stamp.inode != item.after.inode) item.fail(changed);
      if (target.is_file() && target.stamp == item.after.stamp()) item.result.target.digest = item.digest;
      break;
    case OpKind::set_metadata:
      if (target.stamp.inode != item.after.inode) item.fail(changed);
      if (const auto own = own_.find(item.after.inode); own != own_.end()) item.after = own->second;
      if (target.is_file() && target.stamp != item.after.stamp()) item.fail(changed);
      if (target.is_file()) item.result.target.digest = item.digest;
      break;
    case OpKind::remove:
    case OpKind::remove_directory:
      if (target.exists()) item.fail(changed);
      break;
  }
}

// The digest belongs to the inode that was staged, as long as nobody wrote to it since.
void Executor::check_put(Item& item) {
  Entry& target = item.result.target;
  const auto own = own_.find(item.staged_stat.inode);
  const Stamp staged = own != own_.end() ? own->second.stamp() : item.staged_stat.stamp();
  if (target.is_file() && target.stamp.inode == staged.inode && target.stamp.size == staged.size &&
      target.stamp.mtime_ns == staged.mtime_ns) {
    target.digest = item.digest;
  } else {
    item.fail(Error{ErrorCode::stale, "it was changed right after", {}, 0});
  }
}

}  // namespace twsync
