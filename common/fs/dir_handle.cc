#include "common/fs/dir_handle.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>

#include "common/base/rel_path.h"

namespace twsync {

namespace {

constexpr size_t kMaxPiece = 4000;  // below PATH_MAX, which counts the final NUL

// Process-wide: once the kernel said no, it goes on saying no.
std::atomic<bool> openat2_missing{false};

int openat2_beneath(int base, const char* path, int flags) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(syscall(SYS_openat2, base, path, &how, sizeof how));
}

// Where a path longer than one system call takes is cut: at the last '/' within the limit.
size_t piece_length(std::string_view rest) {
  if (rest.size() <= kMaxPiece) return rest.size();
  return rest.rfind('/', kMaxPiece);
}

bool enters_mount(int fd, const FileStat& from) {
  FileStat now;
  if (stat_fd(fd, now) != 0) return true;
  return now.mount_root || now.device != from.device;
}

}  // namespace

Result<std::unique_ptr<RootDir>> RootDir::open(std::string path, ResolveMode mode) {
  if (path.empty() || path[0] != '/') return Error{ErrorCode::usage, "the root must be an absolute path", path, 0};
  // A trailing slash would make the kernel follow a symlink.
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  auto root = std::unique_ptr<RootDir>(new RootDir);
  root->path_ = std::move(path);
  root->mode_ = mode;
  root->path_fd_ = UniqueFd(::open(root->path_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root->path_fd_) {
    if (errno == ENOTDIR || errno == ELOOP) {
      return Error{ErrorCode::guard, "the root is not a directory (a symlink is not followed)", root->path_, errno};
    }
    return error_from_errno(errno, "cannot open the root", root->path_);
  }
  if (const int err = stat_fd(root->path_fd_.get(), root->stat_); err != 0) {
    return error_from_errno(err, "cannot read the root", root->path_);
  }
  return root;
}

Result<std::unique_ptr<RootDir>> RootDir::at(int dir_fd) {
  auto root = std::unique_ptr<RootDir>(new RootDir);
  root->path_fd_ = UniqueFd(::openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root->path_fd_) return error_from_errno(errno, "cannot open the directory");
  if (const int err = stat_fd(root->path_fd_.get(), root->stat_); err != 0)
    return error_from_errno(err, "cannot read the directory");
  return root;
}

Status RootDir::check_in_place() const {
  if (path_.empty()) return {};
  const UniqueFd now(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  FileStat stat;
  if (now && stat_fd(now.get(), stat) == 0 && stat.device == stat_.device && stat.inode == stat_.inode) return {};
  return Error{ErrorCode::guard, "root was replaced", path_, now ? 0 : errno};
}

Result<UniqueFd> RootDir::open_dir(std::string_view rel, int flags) const {
  std::string_view rest = rel;
  UniqueFd base;
  do {
    const size_t length = piece_length(rest);
    const bool last = length == rest.size();
    const std::string piece = rest.empty() ? "." : std::string(rest.substr(0, length));
    int err = 0;
    UniqueFd next = open_piece(base ? base.get() : fd(), piece, last ? flags : O_PATH, err);
    if (!next) return error_from_errno(err, "cannot open the directory", std::string(rel));
    base = std::move(next);
    rest.remove_prefix(last ? length : length + 1);
  } while (!rest.empty());
  return base;
}

UniqueFd RootDir::open_piece(int base, const std::string& piece, int flags, int& err) const {
  if (mode_ == ResolveMode::automatic && !openat2_missing.load(std::memory_order_relaxed)) {
    int fd = -1;
    // EAGAIN: a rename somewhere raced with the look-up.
    for (int tries = 0; fd < 0 && tries < 64 && (tries == 0 || errno == EAGAIN || errno == EINTR); ++tries) {
      fd = openat2_beneath(base, piece.c_str(), flags);
    }
    err = fd < 0 ? errno : 0;
    // EPERM is never this call's own answer for a directory: a seccomp filter of a container gives it.
    if (fd >= 0 || (err != ENOSYS && err != EPERM)) return UniqueFd(fd);
    openat2_missing.store(true, std::memory_order_relaxed);
  }
  return walk_piece(base, piece, flags, err);
}

UniqueFd RootDir::walk_piece(int base, std::string_view piece, int flags, int& err) const {
  UniqueFd current;
  for (;;) {
    const size_t slash = piece.find('/');
    const bool last = slash == std::string_view::npos;
    const std::string name(piece.substr(0, slash));
    UniqueFd next(::openat(current ? current.get() : base, name.c_str(),
                           (last ? flags : O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      err = errno;
      return {};
    }
    if (name != "." && enters_mount(next.get(), stat_)) {
      err = EXDEV;
      return {};
    }
    if (last) return next;
    current = std::move(next);
    piece.remove_prefix(slash + 1);
  }
}

Result<int> DirCache::get(std::string_view rel) {
  if (rel.empty()) return root_.fd();
  if (const auto found = by_path_.find(rel); found != by_path_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->fd.get();
  }
  SYNC_ASSIGN(UniqueFd fd, root_.open_dir(rel, O_PATH));
  if (recent_.size() >= capacity_) {
    by_path_.erase(recent_.back().rel);
    recent_.pop_back();
  }
  recent_.push_front(Slot{std::string(rel), std::move(fd)});
  by_path_.emplace(recent_.front().rel, recent_.begin());
  return recent_.front().fd.get();
}

Result<int> DirCache::parent_of(std::string_view rel) {
  return get(parent_path(rel));
}

void DirCache::clear() {
  by_path_.clear();
  recent_.clear();
}

}  // namespace twsync
