#include "common/fs/expectation.h"

#include "common/base/clock.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_reader.h"

namespace twsync {

namespace {

// A side that was not scanned in this cycle: the entry was looked at no earlier than at its ctime.
int64_t moment_of_look(const Stamp& stamp, int64_t scanned_ns) {
  return scanned_ns != 0 ? scanned_ns : stamp.ctime_ns;
}

}  // namespace

bool Expectation::may_fit(const FileStat& stat, const Entry& expected) {
  if (stat.kind != expected.kind) return false;
  const Stamp& stamp = expected.stamp;
  if (stamp.inode == 0) return true;
  if (stat.inode != stamp.inode) return false;
  if (stat.kind == Kind::directory) return true;  // its size and times follow its children
  if (stat.size != stamp.size || stat.mtime_ns != stamp.mtime_ns) return false;
  return stat.kind != Kind::file || stat.mode == expected.mode;
}

bool Expectation::fits(int dir_fd, const char* name, const FileStat& stat, const FileStat& before,
                       const Entry& expected, int64_t scanned_ns) {
  if (!may_fit(stat, expected)) return false;
  const Stamp& stamp = expected.stamp;
  switch (expected.kind) {
    case Kind::directory:
      return stamp.inode != 0;
    case Kind::symlink: {
      const auto target = read_link(dir_fd, name);
      return target && *target == expected.target;
    }
    case Kind::file:
      break;
    default:
      return false;
  }
  const bool racy = stamp.inode == 0 || stamp.mtime_ns > moment_of_look(stamp, scanned_ns) - kRacyNs;
  const bool touched = before.inode != stamp.inode || (stamp.ctime_ns != 0 && before.ctime_ns != stamp.ctime_ns);
  if (!racy && (!touched || !expected.digest.known())) return true;
  return expected.digest.known() && same_content(dir_fd, name, expected);
}

bool Expectation::same_content(int dir_fd, const char* name, const Entry& expected) {
  FileStat stat;
  const auto fd = open_regular(dir_fd, name, stat);
  if (!fd || stat.size != expected.size) return false;
  const auto digest = hash_file(fd->get(), hasher_, stat, LastChange::mtime);
  return digest && *digest == expected.digest;
}

}  // namespace twsync
