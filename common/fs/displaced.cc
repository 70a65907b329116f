#include "common/fs/displaced.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
#include "common/fs/copy_file.h"
#include "common/fs/file_reader.h"
#include "common/fs/open_writers.h"
#include "common/fs/rename.h"
#include "common/fs/space.h"

namespace twsync {

namespace {

bool may_be_written(int dir_fd, const char* name) {
  FileStat stat;
  const auto fd = open_regular(dir_fd, name, stat);
  return fd && open_writers(fd->get()) != Writers::none;
}

}  // namespace

// Of a group the names go one by one: the last one's inode must stay, as somebody may hold it open.
bool has_other_names(int dir_fd, const std::string& name, const FileStat& stat) {
  FileStat now;
  const bool known = stat_at(dir_fd, name.c_str(), now) == 0 && now.inode == stat.inode;
  return stat.kind == Kind::file && (known ? now.links : stat.links) > 1;
}

Status DisplacedKeeper::keep(int dir_fd, const std::string& name, const FileStat& stat, const VersionRecord& record) {
  if (has_other_names(dir_fd, name, stat)) return keep_linked(dir_fd, name, record);
  if (stat.kind == Kind::file && may_be_written(dir_fd, name.c_str()) && keep_both(dir_fd, name, stat, record))
    return {};
  SYNC_TRY(move_in(dir_fd, name, record.id));
  note(record.id);
  return {};
}

Status DisplacedKeeper::move_in(int dir_fd, const std::string& name, const std::string& id) {
  if (dir_fd == store_.dir_fd() && name == id) return {};
  return rename_noreplace(dir_fd, name.c_str(), store_.dir_fd(), id.c_str());
}

Status DisplacedKeeper::keep_linked(int dir_fd, const std::string& name, const VersionRecord& record) {
  const std::string copy = str(kCopyPrefix, record.id);
  Status status = copy_file(dir_fd, name.c_str(), store_.dir_fd(), copy.c_str(), CopyCost::any);
  // Where `name` is the id itself, the copy takes its place.
  if (status.ok() && ::renameat(store_.dir_fd(), copy.c_str(), store_.dir_fd(), record.id.c_str()) != 0) {
    status = error_from_errno(errno, "cannot name the copy of a linked file");
  }
  if (!status.ok()) {
    ::unlinkat(store_.dir_fd(), copy.c_str(), 0);
    return status;
  }
  if (dir_fd != store_.dir_fd()) ::unlinkat(dir_fd, name.c_str(), 0);
  note(record.id);
  return {};
}

// True when both are kept: the copy as `record.id`, the file itself as a version of its own.
bool DisplacedKeeper::keep_both(int dir_fd, const std::string& name, const FileStat& stat,
                                const VersionRecord& record) {
  const std::string copy = str(kCopyPrefix, record.id);
  const CopyCost cost = check_room(store_.dir_fd(), stat.blocks * 512).ok() ? CopyCost::any : CopyCost::shared_blocks;
  VersionRecord open = record;
  open.id.clear();
  open.cause = LoserCause::ordinary;
  open.copy = record.id;
  bool kept = copy_file(dir_fd, name.c_str(), store_.dir_fd(), copy.c_str(), cost).ok() && is_expected(copy, record);
  if (kept) {
    auto id = store_.reserve_durably(open);
    kept = id.ok() && move_in(dir_fd, name, *id).ok();
    if (kept) note(*id);
    // The file itself is kept from here on, whatever comes.
    if (kept && ::renameat(store_.dir_fd(), copy.c_str(), store_.dir_fd(), record.id.c_str()) == 0) {
      note(record.id);
      return true;
    }
  }
  ::unlinkat(store_.dir_fd(), copy.c_str(), 0);
  return kept;
}

// A write may have come between scan and copy, or into the middle of it.
bool DisplacedKeeper::is_expected(const std::string& copy, const VersionRecord& record) {
  if (!record.entry.digest.known()) return true;
  FileStat stat;
  const auto fd = open_regular(store_.dir_fd(), copy.c_str(), stat);
  if (!fd) return false;
  const auto digest = hash_file(fd->get(), hasher_, stat, LastChange::mtime);
  return digest && *digest == record.entry.digest;
}

void DisplacedKeeper::note(const std::string& id) {
  FileStat stat;
  if (stat_at(store_.dir_fd(), id.c_str(), stat) == 0) settled_.push_back({id, stat.stamp()});
}

void DisplacedKeeper::removed_directory(VersionRecord record, const FileStat& stat) {
  record.stored = stat.stamp();
  // Its time is that of its last child's removal: the expected one is the one to keep.
  record.entry.mode = stat.mode;
  record.entry.uid = stat.uid;
  record.entry.gid = stat.gid;
  directories_.push_back(std::move(record));
}

Status DisplacedKeeper::settle() {
  std::vector<SettledVersion> settled;
  settled.swap(settled_);
  std::vector<VersionRecord> directories;
  directories.swap(directories_);
  return store_.settle(settled, directories);
}

}  // namespace twsync
