#include "common/fs/space.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 30U;
constexpr uint64_t kMostInodes = 10'000;
// Of the room there is, so that several who ask at once don't get more than that together.
constexpr uint64_t kShare = 32;
constexpr uint64_t kFilesAtOnce = 64;
constexpr uint64_t kBytesAtOnce = 64U << 20U;

uint64_t above(uint64_t free, uint64_t reserve) {
  return free > reserve ? free - reserve : 0;
}

}  // namespace

Result<Space> space_of(int fd) {
  struct statvfs st;
  if (::fstatvfs(fd, &st) != 0) return error_from_errno(errno, "cannot ask for the room on the file system");
  const uint64_t block = st.f_frsize;
  return Space{st.f_blocks * block, st.f_bavail * block, st.f_files, st.f_favail};
}

uint64_t reserved_bytes(const Space& space) {
  return std::min(space.bytes / 100, kMostBytes);
}

uint64_t reserved_inodes(const Space& space) {
  return std::min(space.inodes / 100, kMostInodes);
}

Room room_in(const Space& space) {
  return {space.bytes == 0 ? UINT64_MAX : above(space.free_bytes, reserved_bytes(space)),
          space.inodes == 0 ? UINT64_MAX : above(space.free_inodes, reserved_inodes(space))};
}

namespace {

Status fits(const Space& space, const Room& room, uint64_t bytes) {
  if (room.inodes == 0) {
    return Error{ErrorCode::no_space,
                 str("no inode is left on the file system but the reserve of ", reserved_inodes(space)),
                 {},
                 ENOSPC};
  }
  if (bytes <= room.bytes) return {};
  return Error{ErrorCode::no_space,
               str(bytes, " bytes do not fit: ", space.free_bytes, " are free, of which ", reserved_bytes(space),
                   " are kept free"),
               {},
               ENOSPC};
}

}  // namespace

Status check_room(int fd, uint64_t bytes) {
  SYNC_ASSIGN(const Space space, space_of(fd));
  return fits(space, room_in(space), bytes);
}

Status RoomForMany::check(int fd, uint64_t bytes) {
  if (files_ == 0 || bytes > bytes_) {
    SYNC_ASSIGN(const Space space, space_of(fd));
    const Room room = room_in(space);
    SYNC_TRY(fits(space, room, bytes));
    files_ = std::min(room.inodes / kShare, kFilesAtOnce);
    bytes_ = std::min((room.bytes - bytes) / kShare, kBytesAtOnce);
    return {};
  }
  --files_;
  bytes_ -= bytes;
  return {};
}

}  // namespace twsync
