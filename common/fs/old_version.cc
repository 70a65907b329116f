#include "common/fs/old_version.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "common/fs/expectation.h"
#include "common/fs/file_reader.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

constexpr size_t kPiece = 256U << 10U;

Result<size_t> read_some(int fd, char* out, size_t most, uint64_t offset) {
  for (;;) {
    const ssize_t got = ::pread(fd, out, most, static_cast<off_t>(offset));
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) return Error{ErrorCode::stale, "it became shorter before the new version came", {}, 0};
    if (errno != EINTR) return error_from_errno(errno, "cannot read the old version");
  }
}

}  // namespace

OldVersion::OldVersion(UniqueFd fd) : fd_(std::move(fd)), buffer_(std::make_unique_for_overwrite<char[]>(kPiece)) {}

Result<std::unique_ptr<OldVersion>> OldVersion::open(const RootDir& root, const Operation& op) {
  SYNC_ASSIGN(const UniqueFd parent, root.open_dir(parent_path(op.path), O_PATH));
  FileStat stat;
  SYNC_ASSIGN(UniqueFd fd, open_regular(parent.get(), std::string(base_name(op.path)).c_str(), stat));
  if (!Expectation::may_fit(stat, op.expected))
    return Error{ErrorCode::stale, "it was changed before the new version came", op.path, 0};
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<OldVersion>(new OldVersion(std::move(fd)));
}

Result<std::unique_ptr<OldVersion>> OldVersion::open_twin(const RootDir& root, const std::string& path) {
  const Error none{ErrorCode::stale, "the file with the same content is not there any more", path, 0};
  if (path.empty() || !is_valid_rel_path(path) || is_state_path(path)) return none;
  const auto parent = root.open_dir(parent_path(path), O_PATH);
  if (!parent) return none;
  FileStat stat;
  auto fd = open_regular(parent->get(), std::string(base_name(path)).c_str(), stat);
  if (!fd || stat.device != root.device()) return none;
  (void)::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<OldVersion>(new OldVersion(std::move(fd).value()));
}

Result<std::unique_ptr<OldVersion>> OldVersion::open_staged(const StageArea& stage, const Staged& staged) {
  UniqueFd fd(staged.fd ? ::fcntl(staged.fd.get(), F_DUPFD_CLOEXEC, 0)
                        : ::openat(stage.fd(), staged.name().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, "cannot open the file with the same content");
  return std::unique_ptr<OldVersion>(new OldVersion(std::move(fd)));
}

bool OldVersion::share(uint64_t offset, uint64_t size, int to) const {
  const struct file_clone_range range = {fd_.get(), offset, size, offset};
  return size != 0 && ::ioctl(to, FICLONERANGE, &range) == 0;
}

Result<std::string_view> OldVersion::read_of(int fd, uint64_t offset, uint64_t most) {
  const size_t want = static_cast<size_t>(std::min<uint64_t>(most, kPiece));
  SYNC_ASSIGN(const size_t got, read_some(fd, buffer_.get(), want, offset));
  return std::string_view(buffer_.get(), got);
}

Result<size_t> OldVersion::read_into(char* out, uint64_t offset, size_t most) const {
  return read_some(fd_.get(), out, most, offset);
}

}  // namespace twsync
