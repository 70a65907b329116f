// bench_equal [--bytes] A B: whether two trees are equal: kinds, bytes, link targets, and (without --bytes) modes, and
// times in ns of files and links. `.twsync` and `.stfolder` of the roots are left out. Prints the first differences and
// ends with 1. It leaves the times of access alone, so that comparing does not write.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/bench/walk.h"

namespace {

struct Entry {
  std::string path;
  struct stat info;
};

std::vector<Entry> list(const std::string& root) {
  std::vector<Entry> found;
  bench::walk(root, AT_FDCWD, root, [&](const std::string& directory, const char* name, const struct stat& info) {
    found.push_back({directory.substr(root.size()) + "/" + name, info});
  });
  const auto own = [](const Entry& one) {
    return one.path == "/.twsync" || one.path == "/.stfolder" || one.path.starts_with("/.twsync/") ||
           one.path.starts_with("/.stfolder/");
  };
  std::erase_if(found, own);
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return found;
}

class Differences {
 public:
  void add(const std::string& what, const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (count_++ < 10) std::printf("%s: %s\n", what.c_str(), path.c_str());
  }
  size_t count() const { return count_; }

 private:
  std::mutex mutex_;
  size_t count_ = 0;
};

class Content {
 public:
  explicit Content(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC)) {
    if (fd_ < 0 && errno == EPERM) fd_ = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (fd_ < 0 || ::fstat(fd_, &info) != 0) bench::die(path);
    size_ = static_cast<size_t>(info.st_size);
    if (size_ == 0) return;
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_, 0);
    if (data_ == MAP_FAILED) bench::die(path);
  }
  ~Content() {
    if (size_ > 0) ::munmap(data_, size_);
    ::close(fd_);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  bool operator==(const Content& other) const {
    return size_ == other.size_ && (size_ == 0 || std::memcmp(data_, other.data_, size_) == 0);
  }

 private:
  int fd_;
  size_t size_ = 0;
  void* data_ = nullptr;
};

std::string target_of(const std::string& path) {
  char target[4096];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  if (n < 0) bench::die(path);
  return {target, static_cast<size_t>(n)};
}

bool same_time(const struct stat& a, const struct stat& b) {
  return a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

/// The files that both sides have, to compare their content; everything else is compared here.
std::vector<std::string> join(const std::string& a, const std::string& b, bool exact, Differences& differences) {
  std::vector<Entry> left, right;
  std::thread other([&] { right = list(b); });
  left = list(a);
  other.join();
  std::vector<std::string> files;
  size_t i = 0, j = 0;
  while (i < left.size() || j < right.size()) {
    const int order = i == left.size() ? 1 : j == right.size() ? -1 : left[i].path.compare(right[j].path);
    if (order != 0) {
      differences.add(order < 0 ? "only in the first" : "only in the second",
                      order < 0 ? left[i++].path : right[j++].path);
      continue;
    }
    const Entry &one = left[i++], &two = right[j++];
    const mode_t kind = one.info.st_mode & S_IFMT;
    if (kind != (two.info.st_mode & S_IFMT)) {
      differences.add("kind", one.path);
      continue;
    }
    if (exact && kind != S_IFLNK && one.info.st_mode != two.info.st_mode) differences.add("mode", one.path);
    if (exact && kind != S_IFDIR && !same_time(one.info, two.info)) differences.add("time", one.path);
    if (kind == S_IFLNK && target_of(a + one.path) != target_of(b + one.path)) differences.add("target", one.path);
    if (kind == S_IFREG) files.push_back(one.path);
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const bool bytes = argc > 1 && std::string(argv[1]) == "--bytes";
  if (argc != (bytes ? 4 : 3)) {
    std::fprintf(stderr, "usage: bench_equal [--bytes] A B\n");
    return 2;
  }
  const std::string a = argv[argc - 2], b = argv[argc - 1];
  Differences differences;
  const std::vector<std::string> files = join(a, b, !bytes, differences);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t at = next++; at < files.size(); at = next++) {
      if (!(Content(a + files[at]) == Content(b + files[at]))) differences.add("content", files[at]);
    }
  };
  std::thread other(work);
  work();
  other.join();
  std::printf("%zu files, %zu differences\n", files.size(), differences.count());
  return differences.count() == 0 ? 0 : 1;
}
