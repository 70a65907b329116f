#pragma once
// Room on a root's file system, and the reserve that is never taken.

#include <cstdint>

#include "common/base/result.h"

namespace twsync {

/// As statvfs tells it to an ordinary user (what a file system keeps for root is not counted as free).
struct Space {
  uint64_t bytes = 0;  ///< 0 = this file system does not count them (some in memory, or behind FUSE)
  uint64_t free_bytes = 0;
  uint64_t inodes = 0;  ///< 0 = this file system does not count them
  uint64_t free_inodes = 0;
};

Result<Space> space_of(int fd);

/// What stays free: one percent of the file system, at most 1 GiB and 10,000 inodes. A server whose disk is filled to
/// the last byte by its sync fails in everything else it does.
uint64_t reserved_bytes(const Space& space);
uint64_t reserved_inodes(const Space& space);

/// What may still be taken; UINT64_MAX where it is not counted.
struct Room {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
};
Room room_in(const Space& space);

/// check_room() for one small file after another: asks the file system for a few at once. One thread.
class RoomForMany {
 public:
  /// What was heard before no longer counts: time has passed.
  void forget() { files_ = 0; }
  Status check(int fd, uint64_t bytes);

 private:
  uint64_t files_ = 0, bytes_ = 0;  // still covered by the last answer
};

/// no_space when `bytes` more and one more inode would break into the reserve of the file system behind `fd`.
Status check_room(int fd, uint64_t bytes);

}  // namespace twsync
