#include "common/fs/host_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/fs/file_io.h"

namespace twsync {

namespace {

constexpr size_t kProcLimit = 1U << 20U;
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U  // since Linux 6.8
#endif

std::string read_proc(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::string bytes;
  std::array<char, 4096> piece;
  while (fd && bytes.size() < kProcLimit) {
    const auto got = read_full(fd.get(), piece.data(), piece.size());
    if (!got) return {};
    bytes.append(piece.data(), *got);
    if (*got < piece.size()) break;
  }
  return bytes;
}

/// Those whose f_fsid comes from the file system's own identity; elsewhere it follows the device's number.
bool has_lasting_id(const struct statfs& st) {
  switch (static_cast<uint64_t>(st.f_type) & 0xFFFFFFFFU) {
    case 0xEF53:      // ext2, ext3, ext4
    case 0x9123683E:  // btrfs
    case 0xF2F52010:  // f2fs
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string SystemHostFacts::host_name() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return "unknown";
  return buffer;
}

std::string SystemHostFacts::boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

int64_t SystemHostFacts::booted_ns() {
  const std::string stat = read_proc("/proc/stat");
  constexpr std::string_view kKey = "\nbtime ";
  const size_t at = stat.find(kKey);
  int64_t seconds = 0;
  if (at != std::string::npos) std::from_chars(stat.data() + at + kKey.size(), stat.data() + stat.size(), seconds);
  return seconds * kSecond;
}

MountFacts SystemHostFacts::mount_of(int fd) {
  MountFacts facts;
  struct statfs st;
  if (::fstatfs(fd, &st) == 0 && has_lasting_id(st)) {
    uint64_t id = 0;
    std::memcpy(&id, &st.f_fsid, std::min(sizeof id, sizeof st.f_fsid));
    if (id != 0) facts.file_system_id = str(id);
  }
  // Every namespace has its own mounts of the same file systems: their ids say nothing about each other.
  struct statx mount;
  struct stat space;
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &mount) == 0 && (mount.stx_mask & STATX_MNT_ID_UNIQUE) != 0 &&
      ::stat("/proc/self/ns/mnt", &space) == 0) {
    facts.mount = str(static_cast<uint64_t>(space.st_ino), ":", static_cast<uint64_t>(mount.stx_mnt_id));
  }
  return facts;
}

}  // namespace twsync
