// What this machine needs at the least for the work that vs_peers.sh measures; prints the seconds and the entries.
//   bench_limits walk DIR...    each DIR by its own thread: every directory read, every entry's inode looked at
//   bench_limits copy FROM TO   FROM into the empty directory TO by two threads, then syncfs

#include <sys/sendfile.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/bench/walk.h"

namespace {

using bench::die;
using bench::walk;

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
