#include "common/fs/stage_cleaning.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <unordered_map>
#include <vector>

#include "common/base/flush.h"
#include "common/fs/displaced.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_stat.h"
#include "common/fs/remove_tree.h"
#include "common/fs/rename.h"
#include "common/fs/stage_area.h"

namespace twsync {

namespace {

class Cleaner {
 public:
  Cleaner(const StateDir& state, VersionStore& store) : state_(state), store_(store), keeper_(store, HashKey{}) {}

  Status clean(int dir_fd, const std::string& name) {
    FileStat stat;
    if (stat_at(dir_fd, name.c_str(), stat) != 0) return {};
    const bool ours = name.starts_with(kStageTemporary) || is_staged_name(name, stat.inode);
    if (ours && ::unlinkat(dir_fd, name.c_str(), stat.kind == Kind::directory ? AT_REMOVEDIR : 0) == 0) return {};
    if (ours && errno != ENOTEMPTY) return error_from_errno(errno, "cannot clean the stage", name);
    return keep(dir_fd, name, stat);
  }

 private:
  Status keep(int dir_fd, const std::string& name, const FileStat& stat) {
    VersionRecord record;
    record.cause = LoserCause::foreign;
    record.entry = entry_from_stat(stat);
    if (record.entry.is_symlink()) {
      if (auto target = read_link(dir_fd, name.c_str())) record.entry.target = std::move(target).value();
    }
    SYNC_TRY(learn_path(record));
    SYNC_ASSIGN(record.id, store_.reserve_durably(record));
    // Without room for the copy of a linked file it stays linked: better than in the way of everything else.
    if (!keeper_.keep(dir_fd, name, stat, record).ok())
      SYNC_TRY(rename_noreplace(dir_fd, name.c_str(), state_.versions(), record.id.c_str()));
    (void)keeper_.settle();
    if (flush_fd(state_.versions()) != 0) return error_from_errno(errno, "cannot flush the version store");
    return {};
  }

  // The line that was reserved for it before it was displaced knows where it stood.
  Status learn_path(VersionRecord& record) {
    if (!reserved_read_) {
      SYNC_TRY(store_.for_each_reserved([this](VersionRecord&& reserved) {
        const uint64_t inode = reserved.entry.stamp.inode;
        reserved_.insert_or_assign(inode, std::move(reserved));
      }));
      reserved_read_ = true;
    }
    const auto found = reserved_.find(record.entry.stamp.inode);
    if (found == reserved_.end() || found->second.entry.kind != record.entry.kind) return {};
    record.path = found->second.path;
    record.epoch = found->second.epoch;
    record.cycle = found->second.cycle;
    return {};
  }

  const StateDir& state_;
  VersionStore& store_;
  DisplacedKeeper keeper_;  // without a digest to compare, any key will do
  bool reserved_read_ = false;
  std::unordered_map<uint64_t, VersionRecord> reserved_;
};

}  // namespace

Result<UniqueFd> lock_session(int stage_fd, const std::string& name) {
  UniqueFd fd(::openat(stage_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, "cannot open the stage directory", name);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{ErrorCode::busy, "the stage directory is in use", name, errno};
  FileStat mine;
  FileStat named;
  if (stat_fd(fd.get(), mine) != 0 || stat_at(stage_fd, name.c_str(), named) != 0 || mine.inode != named.inode) {
    return Error{ErrorCode::not_found, "the stage directory was removed", name, ENOENT};
  }
  return fd;
}

Status clean_stage(const StateDir& state, VersionStore& store) {
  Cleaner cleaner(state, store);
  SYNC_ASSIGN(const std::vector<std::string> sessions, names_in(state.stage()));
  for (const std::string& session : sessions) {
    auto dir = lock_session(state.stage(), session);
    if (!dir) {
      if (dir.error().code == ErrorCode::busy || dir.error().sys_errno == ENOENT) continue;
      // Not a session directory: judged like an entry of one.
      SYNC_TRY(cleaner.clean(state.stage(), session));
      continue;
    }
    SYNC_ASSIGN(const std::vector<std::string> names, names_in(dir->get()));
    for (const std::string& name : names) SYNC_TRY(cleaner.clean(dir->get(), name));
    ::unlinkat(state.stage(), session.c_str(), AT_REMOVEDIR);
  }
  return {};
}

}  // namespace twsync
