// What this machine needs at the least for the work that vs_peers.sh measures; prints the seconds and the entries.
//   bench_limits walk DIR...    each DIR by its own thread: every directory read, every entry's inode looked at
//   bench_limits copy FROM TO   FROM into the empty directory TO by two threads, then syncfs

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& path) {
  std::fprintf(stderr, "bench_limits: %s: %s\n", path.c_str(), std::strerror(errno));
  std::exit(1);
}

bool is_dot(const char* name) {
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

size_t walk_all(const std::vector<std::string>& roots) {
  std::atomic<size_t> entries{0};
  std::vector<std::thread> threads;
  for (const std::string& root : roots) {
    threads.emplace_back([&entries, &root] {
      size_t seen = 0;
      walk(root, AT_FDCWD, root, [&seen](const std::string&, const char*, const struct stat&) { ++seen; });
      entries += seen;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return entries;
}

void copy_file(const std::string& from, const std::string& to) {
  const int in = ::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (in < 0 || ::fstat(in, &info) != 0) die(from);
  const int out = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info.st_mode & 07777);
  if (out < 0) die(to);
  for (off_t left = info.st_size; left > 0;) {
    const ssize_t n = ::sendfile(out, in, nullptr, static_cast<size_t>(left));
    if (n <= 0) die(to);
    left -= n;
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  ::futimens(out, times);
  ::close(in);
  ::close(out);
}

void copy_link(const std::string& from, const std::string& to) {
  char target[4096];
  const ssize_t n = ::readlink(from.c_str(), target, sizeof target - 1);
  if (n < 0) die(from);
  target[n] = '\0';
  if (::symlink(target, to.c_str()) != 0) die(to);
}

size_t copy_tree(const std::string& from, const std::string& to) {
  std::vector<std::string> files;
  size_t entries = 0;
  walk(from, AT_FDCWD, from, [&](const std::string& directory, const char* name, const struct stat& info) {
    const std::string below = directory.substr(from.size()) + "/" + name;
    ++entries;
    if (S_ISDIR(info.st_mode) && ::mkdir((to + below).c_str(), info.st_mode & 07777) != 0) die(to + below);
    if (S_ISREG(info.st_mode)) files.push_back(below);
    if (S_ISLNK(info.st_mode)) copy_link(from + below, to + below);
  });
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t at = next++; at < files.size(); at = next++) copy_file(from + files[at], to + files[at]);
  };
  std::thread other(work);
  work();
  other.join();
  const int fd = ::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::syncfs(fd) != 0) die(to);
  ::close(fd);
  return entries;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  const std::vector<std::string> paths(argv + (argc > 2 ? 2 : argc), argv + argc);
  const auto began = std::chrono::steady_clock::now();
  size_t entries = 0;
  if (what == "walk") {
    entries = walk_all(paths);
  } else if (what == "copy" && paths.size() == 2) {
    entries = copy_tree(paths[0], paths[1]);
  } else {
    std::fprintf(stderr, "usage: bench_limits walk DIR... | copy FROM TO\n");
    return 2;
  }
  std::printf("%.3f %zu\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), entries);
  return 0;
}
