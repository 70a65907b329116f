#include "common/fs/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "common/fs/file_stat.h"
#include "common/fs/unique_fd.h"

namespace twsync {

Result<std::vector<std::string>> names_in(int dir_fd) {
  // Opened anew: a duplicate would share the reading position.
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(
      ::fdopendir(::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), &::closedir);
  if (!listing) return error_from_errno(errno, "cannot read the directory");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return error_from_errno(errno, "cannot read the directory");
  return names;
}

Status remove_tree_at(int dir_fd, const std::string& name) {
  FileStat stat;
  if (const int err = stat_at(dir_fd, name.c_str(), stat); err != 0) {
    return err == ENOENT ? Status{} : Status(error_from_errno(err, "cannot look at it", name));
  }
  if (stat.kind != Kind::directory) {
    if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return error_from_errno(errno, "cannot remove it", name);
  }
  const UniqueFd fd(::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return error_from_errno(errno, "cannot open the directory", name);
  SYNC_ASSIGN(const std::vector<std::string> names, names_in(fd.get()));
  for (const std::string& child : names) SYNC_TRY(remove_tree_at(fd.get(), child));
  if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return error_from_errno(errno, "cannot remove the directory", name);
}

}  // namespace twsync
