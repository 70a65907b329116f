#include "common/fs/old_version.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "common/fs/expectation.h"
#include "common/fs/file_reader.h"

namespace twsync {

namespace {
constexpr size_t kPiece = 256U << 10U;
}

OldVersion::OldVersion(UniqueFd fd) : fd_(std::move(fd)), buffer_(kPiece) {}

Result<std::unique_ptr<OldVersion>> OldVersion::open(const RootDir& root, const Operation& op) {
  SYNC_ASSIGN(const UniqueFd parent, root.open_dir(parent_path(op.path), O_PATH));
  FileStat stat;
  SYNC_ASSIGN(UniqueFd fd, open_regular(parent.get(), std::string(base_name(op.path)).c_str(), stat));
  if (!Expectation::may_fit(stat, op.expected))
    return Error{ErrorCode::stale, "it was changed before the new version came", op.path, 0};
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<OldVersion>(new OldVersion(std::move(fd)));
}

Result<std::string_view> OldVersion::read(uint64_t offset, uint64_t most) {
  const size_t want = static_cast<size_t>(std::min<uint64_t>(most, buffer_.size()));
  for (;;) {
    const ssize_t got = ::pread(fd_.get(), buffer_.data(), want, static_cast<off_t>(offset));
    if (got > 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
    if (got == 0) return Error{ErrorCode::stale, "it became shorter before the new version came", {}, 0};
    if (errno != EINTR) return error_from_errno(errno, "cannot read the old version");
  }
}

}  // namespace twsync
