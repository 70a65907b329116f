#include "common/fs/executor.h"

#include <sys/stat.h>

#include "common/base/rel_path.h"
#include "common/fs/stale.h"

namespace twsync {

namespace {

constexpr size_t kOwnMost = 100'000;

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
      if (!item.ok() || item.same_content || !displaces(*item.op)) continue;
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
      return item.same_content ? set_metadata(flight, item, parent, name)
                               : put(flight, item, item.staged, parent, name);
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

}  // namespace twsync
