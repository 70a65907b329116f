#include "common/fs/stage_area.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/fs/copy_file.h"
#include "common/fs/entry_reader.h"
#include "common/fs/rename.h"
#include "common/fs/stage_cleaning.h"

namespace twsync {

namespace {

// Names before the inode number is known. Nothing is ever exchanged onto them.
std::string temporary_name() {
  return std::string(kStageTemporary) + random_hex(8);
}

Status learn_inode(Staged& staged) {
  if (staged.inode != 0) return {};
  FileStat stat;
  if (const int err = stat_fd(staged.fd.get(), stat); err != 0)
    return error_from_errno(err, "cannot look at the staged file");
  staged.inode = stat.inode;
  return {};
}

bool tmpfile_unsupported(int err) {
  return err == EOPNOTSUPP || err == EISDIR || err == ENOENT || err == EINVAL;
}

}  // namespace

std::string Staged::name() const {
  return serial == 0 ? std::to_string(inode) : str(inode, '.', serial);
}

bool is_staged_name(std::string_view name, uint64_t inode) {
  return name.substr(0, name.find('.')) == std::to_string(inode);
}

Result<std::unique_ptr<StageArea>> StageArea::open(const StateDir& state, VersionStore& store, bool tmpfile) {
  SYNC_TRY(clean_stage(state, store));
  auto area = std::unique_ptr<StageArea>(new StageArea);
  area->stage_fd_ = state.stage();
  area->tmpfile_ = tmpfile;
  for (int tries = 0; tries < 16; ++tries) {
    area->session_ = "s-" + random_hex(8);
    if (::mkdirat(state.stage(), area->session_.c_str(), 0700) != 0) {
      return error_from_errno(errno, "cannot make a stage directory");
    }
    auto locked = lock_session(state.stage(), area->session_);
    // Another process may have cleaned it away between mkdir and flock.
    if (!locked) continue;
    area->dir_ = std::move(locked).value();
    return area;
  }
  return Error{ErrorCode::busy, "cannot make a stage directory", {}, 0};
}

StageArea::~StageArea() {
  // Not empty after a failure in between: then the next start cleans it.
  if (dir_) ::unlinkat(stage_fd_, session_.c_str(), AT_REMOVEDIR);
}

Result<Staged> StageArea::create_file() {
  if (tmpfile_) {
    UniqueFd fd(::openat(dir_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd) return Staged{Kind::file, std::move(fd), 0, false, 0};
    if (!tmpfile_unsupported(errno)) return error_from_errno(errno, "cannot create a file in the stage");
    tmpfile_ = false;
  }
  const std::string name = temporary_name();
  UniqueFd fd(::openat(dir_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return error_from_errno(errno, "cannot create a file in the stage");
  SYNC_ASSIGN(Staged staged, adopt(name, Kind::file));
  staged.fd = std::move(fd);
  return staged;
}

Result<Staged> StageArea::make_symlink(const std::string& target) {
  const std::string name = temporary_name();
  if (::symlinkat(target.c_str(), dir_.get(), name.c_str()) != 0)
    return error_from_errno(errno, "cannot make a link in the stage");
  return adopt(name, Kind::symlink);
}

Result<Staged> StageArea::make_directory() {
  const std::string name = temporary_name();
  if (::mkdirat(dir_.get(), name.c_str(), 0700) != 0)
    return error_from_errno(errno, "cannot make a directory in the stage");
  return adopt(name, Kind::directory);
}

Result<Staged> StageArea::adopt(const std::string& temporary, Kind kind) {
  FileStat stat;
  if (const int err = stat_at(dir_.get(), temporary.c_str(), stat); err != 0) {
    return error_from_errno(err, "cannot look at the staged entry");
  }
  Staged staged{kind, {}, stat.inode, true, 0};
  // Never over an entry: a displaced one may still stand under the number of an inode that was freed and used again.
  SYNC_TRY(rename_noreplace(dir_.get(), temporary.c_str(), dir_.get(), staged.name().c_str()));
  return staged;
}

Result<Staged> StageArea::make_link(int fd) {
  FileStat stat;
  if (const int err = stat_fd(fd, stat); err != 0) return error_from_errno(err, "cannot look at the file to link to");
  Staged staged{stat.kind, {}, stat.inode, true, ++serial_};
  SYNC_TRY(link_fd(fd, dir_.get(), staged.name().c_str()));
  return staged;
}

Result<Staged> StageArea::make_copy(int fd, const FileStat& stat) {
  SYNC_ASSIGN(Staged staged, create_file());
  Status copied = copy_open_file(fd, stat, staged.fd.get());
  if (copied.ok()) copied = give_name(staged);
  if (!copied.ok()) {
    discard(staged);
    return std::move(copied).error();
  }
  staged.fd.reset();
  return staged;
}

Status StageArea::take_in(int dir_fd, const std::string& name, Staged& staged) {
  SYNC_TRY(learn_inode(staged));
  SYNC_TRY(rename_noreplace(dir_fd, name.c_str(), dir_.get(), staged.name().c_str()));
  staged.named = true;
  return {};
}

Status StageArea::give_name(Staged& staged) {
  if (staged.named) return {};
  SYNC_TRY(learn_inode(staged));
  Status status = link_into(staged, dir_.get(), staged.name().c_str());
  staged.named = status.ok();
  return status;
}

Status StageArea::link_into(const Staged& staged, int dir_fd, const char* name) {
  if (staged.named) {
    if (::linkat(dir_.get(), staged.name().c_str(), dir_fd, name, 0) == 0) return {};
    return error_from_errno(errno, "cannot link the staged file");
  }
  return link_fd(staged.fd.get(), dir_fd, name);
}

Status StageArea::link_fd(int fd, int dir_fd, const char* name) {
  if (link_by_fd_) {
    if (::linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) == 0) return {};
    // ENOENT: not allowed without CAP_DAC_READ_SEARCH (or the target directory is gone: /proc says the same again).
    if (errno != ENOENT && errno != EPERM) return error_from_errno(errno, "cannot link the staged file");
  }
  if (::linkat(AT_FDCWD, proc_fd_path(fd).c_str(), dir_fd, name, AT_SYMLINK_FOLLOW) == 0) {
    link_by_fd_ = false;
    return {};
  }
  return error_from_errno(errno, "cannot link the staged file");
}

void StageArea::discard(Staged& staged) {
  if (!staged.named) return;
  FileStat stat;
  const std::string name = staged.name();
  if (stat_at(dir_.get(), name.c_str(), stat) != 0 || stat.inode != staged.inode) return;
  ::unlinkat(dir_.get(), name.c_str(), stat.kind == Kind::directory ? AT_REMOVEDIR : 0);
  staged.named = false;
}

}  // namespace twsync
