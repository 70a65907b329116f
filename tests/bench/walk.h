// What the programs of the benchmark share: a walk that reads every directory and looks at every entry's inode.

#ifndef TWSYNC_TESTS_BENCH_WALK_H_
#define TWSYNC_TESTS_BENCH_WALK_H_

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] inline void die(const std::string& path) {
  std::fprintf(stderr, "bench: %s: %s\n", path.c_str(), std::strerror(errno));
  std::exit(1);
}

inline bool is_dot(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

/// Calls visit(directory descriptor, name, stat) for each entry below `path`, directories before what they hold.
template <typename Visit>
void walk(const std::string& path, int parent, const std::string& name, const Visit& visit) {
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* dir = fd < 0 ? nullptr : ::fdopendir(fd);
  if (dir == nullptr) die(path);
  std::vector<std::string> below;
  while (const dirent* entry = ::readdir(dir)) {
    struct stat info;
    if (is_dot(entry->d_name)) continue;
    if (::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) die(path + "/" + entry->d_name);
    visit(path, entry->d_name, info);
    if (S_ISDIR(info.st_mode)) below.emplace_back(entry->d_name);
  }
  for (const std::string& next : below) walk(path + "/" + next, fd, next, visit);
  ::closedir(dir);
}

}  // namespace bench

#endif  // TWSYNC_TESTS_BENCH_WALK_H_
