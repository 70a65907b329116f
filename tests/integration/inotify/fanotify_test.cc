// What is particular to watching by a mark on the whole file system.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "../../unit/app/temp_dir.h"
#include "fanotify_allowed.h"
#include "watcher.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;
using Kind = WatchHealth::Kind;

class FanotifyTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fanotify_allowed(dir_.path())) GTEST_SKIP() << kNoFanotify;
    options_.source = WatchSource::fanotify;
    dir_.make("root");
  }
  std::string root() const { return dir_ / "root"; }

  TempDir dir_;
  WatchOptions options_;
};

/// Mounted until the end of its scope.
class Mounted {
 public:
  Mounted(const std::string& what, const std::string& where, const char* type, unsigned long flags)
      : where_(where), done_(::mount(what.c_str(), where.c_str(), type, flags, nullptr) == 0) {}
  ~Mounted() {
    if (done_) ::umount2(where_.c_str(), MNT_DETACH);
  }
  bool done() const { return done_; }

 private:
  std::string where_;
  bool done_;
};

int inotify_watches_of_this_process() {
  int out = 0;
  for (const auto& file : fs::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) out += line.starts_with("inotify ") ? 1 : 0;
  }
  return out;
}

TEST_F(FanotifyTest, says_what_it_is_and_has_no_watch) {
  for (int i = 0; i < 20; ++i) dir_.make("root/d" + std::to_string(i));
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.wait_state(Kind::live));
  EXPECT_EQ(watcher.states().back().text, "live (fanotify)");
  EXPECT_EQ(inotify_watches_of_this_process(), 0);
}

// On a file system of its own where it can be: on a shared one neighbours can overflow the queue, and then all of the
// root is hinted.
TEST_F(FanotifyTest, what_is_outside_the_root_gives_no_hint) {
  std::optional<Mounted> own(std::in_place, "tmpfs", dir_.path(), "tmpfs", 0UL);
  if (!fanotify_allowed(dir_.path())) own.reset();
  dir_.make("root");
  dir_.make("root-beside");
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("root-beside/f", "1");
  dir_.write("beside", "1");
  dir_.make("root-beside/a/b");
  fs::rename(dir_ / "root-beside/a", dir_ / "root-beside/c");
  dir_.write("root/last", "1");
  ASSERT_TRUE(watcher.wait_hint("last"));
  for (const auto& hint : watcher.hints()) EXPECT_EQ(hint.path, "last");
}

TEST_F(FanotifyTest, a_directory_seen_outside_is_found_below_the_root_after_it_moved_there) {
  dir_.make("outside/x/y");
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("outside/x/y/f", "1");
  dir_.write("root/first", "1");
  ASSERT_TRUE(watcher.wait_hint("first"));
  fs::rename(dir_ / "outside", dir_ / "root/in");
  ASSERT_TRUE(watcher.wait_hint("in/x/y/f"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/in/x/y/f", "2");
  EXPECT_TRUE(watcher.wait_hint("in/x/y/f"));
  fs::rename(dir_ / "root/in", dir_ / "out");
  ASSERT_TRUE(watcher.wait_hint("in"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("out/x/y/f", "3");
  dir_.write("root/last", "1");
  ASSERT_TRUE(watcher.wait_hint("last"));
  for (const auto& hint : watcher.hints()) EXPECT_EQ(hint.path, "last");
}

TEST_F(FanotifyTest, a_deep_directory_is_found_after_those_above_it_moved) {
  dir_.write("root/a/b/c/d/f", "1");
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/a/b/c/d/f", "2");
  ASSERT_TRUE(watcher.wait_hint("a/b/c/d/f"));
  fs::rename(dir_ / "root/a/b", dir_ / "root/b");
  fs::rename(dir_ / "root/b/c", dir_ / "root/a/z");
  ASSERT_TRUE(watcher.wait_move("b/c", "a/z"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/a/z/d/f", "3");
  EXPECT_TRUE(watcher.wait_hint("a/z/d/f"));
}

TEST_F(FanotifyTest, a_removed_tree_is_covered) {
  for (int i = 0; i < 50; ++i) dir_.write("root/t/d" + std::to_string(i % 5) + "/f" + std::to_string(i), "1");
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  fs::remove_all(dir_ / "root/t");
  EXPECT_TRUE(watcher.wait_hint("t/d4/f49"));
  EXPECT_TRUE(watcher.wait_hint("t"));
}

TEST_F(FanotifyTest, a_path_too_long_for_the_kernel_is_covered_from_above) {
  // Each step is a name of 250 bytes: 20 of them are more than PATH_MAX.
  const std::string name(250, 'n');
  int at = ::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::string path;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::mkdirat(at, name.c_str(), 0700), 0);
    const int below = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(below, 0);
    ::close(at);
    at = below;
    path = join_path(path, name);
  }
  const UniqueFd deepest(at);
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  const UniqueFd file(::openat(deepest.get(), "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  EXPECT_TRUE(watcher.wait_hint(path + "/f"));
}

TEST_F(FanotifyTest, other_mounts_below_the_root_are_not_entered) {
  dir_.make("root/other");
  dir_.make("root/bound");
  dir_.make("elsewhere");
  const Mounted other("none", root() + "/other", "tmpfs", 0);
  const Mounted bound(dir_ / "elsewhere", root() + "/bound", nullptr, MS_BIND);
  if (!other.done() || !bound.done()) GTEST_SKIP() << "skipped: this process may not mount";
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/other/f", "1");
  dir_.write("root/bound/f", "1");
  dir_.write("root/last", "1");
  ASSERT_TRUE(watcher.wait_hint("last"));
  for (const auto& hint : watcher.hints()) EXPECT_EQ(hint.path, "last");
}

TEST_F(FanotifyTest, a_root_on_another_file_system_and_below_a_bind_mount) {
  dir_.make("disk");
  dir_.make("bound");
  const Mounted disk("none", dir_ / "disk", "tmpfs", 0);
  if (!disk.done()) GTEST_SKIP() << "skipped: this process may not mount";
  dir_.make("disk/tree/root/d");
  const Mounted bound(dir_ / "disk/tree", dir_ / "bound", nullptr, MS_BIND);
  ASSERT_TRUE(bound.done());
  Watcher watcher(dir_ / "bound/root", options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("bound/root/d/by-the-bind-mount", "1");
  EXPECT_TRUE(watcher.wait_hint("d/by-the-bind-mount"));
  dir_.write("disk/tree/root/d/by-the-other", "1");
  EXPECT_TRUE(watcher.wait_hint("d/by-the-other"));
}

TEST_F(FanotifyTest, automatic_takes_it_where_watches_are_too_few) {
  for (int i = 0; i < 6; ++i) dir_.make("root/d" + std::to_string(i));
  options_.source = WatchSource::automatic;
  {
    Watcher enough(root(), options_);
    ASSERT_TRUE(enough.wait_state(Kind::live));
    EXPECT_EQ(enough.states().back().text, "live (inotify)");
  }
  options_.watch_limit = 3;
  Watcher watcher(root(), options_);
  ASSERT_TRUE(watcher.wait([&] { return watcher.last_text() == "live (fanotify)"; }));
  EXPECT_EQ(inotify_watches_of_this_process(), 0);
  ASSERT_TRUE(watcher.settle());
  for (int i = 0; i < 6; ++i) {
    const std::string path = "d" + std::to_string(i) + "/f";
    dir_.write("root/" + path, "1");
    EXPECT_TRUE(watcher.wait_hint(path)) << path;
  }
}

/// Of the calling thread, and of those that it starts.
bool give_up_capability(unsigned number) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &head, data) != 0) return false;
  data[number / 32].effective &= ~(1U << (number % 32));
  return ::syscall(SYS_capset, &head, data) == 0;
}

class WithoutFanotify : public testing::TestWithParam<unsigned> {
 protected:
  void without(const std::function<void()>& act) {
    std::thread([&] {
      ASSERT_TRUE(give_up_capability(GetParam()));
      act();
    }).join();
  }
  TempDir dir_;
  WatchOptions options_;
};
INSTANTIATE_TEST_SUITE_P(Lacks, WithoutFanotify, testing::Values(CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH),
                         [](const auto& info) { return info.param == CAP_SYS_ADMIN ? "admin" : "search"; });

TEST_P(WithoutFanotify, inotify_watches_and_the_state_says_why_and_what_mends_it) {
  options_.source = WatchSource::fanotify;
  options_.fanotify_mend = "do this";
  without([&] {
    Watcher watcher(dir_.path(), options_);
    ASSERT_TRUE(watcher.wait_state(Kind::degraded));
    EXPECT_EQ(watcher.states().back().text,
              "degraded: all watched, by inotify instead of fanotify: this process lacks CAP_SYS_ADMIN or "
              "CAP_DAC_READ_SEARCH; to allow it: do this");
    dir_.write("d/f", "1");
    EXPECT_TRUE(watcher.wait_hint("d/f"));
  });
}

TEST_P(WithoutFanotify, automatic_says_so_only_where_watches_are_too_few) {
  for (int i = 0; i < 6; ++i) dir_.make("d" + std::to_string(i));
  without([&] {
    {
      Watcher enough(dir_.path(), options_);
      ASSERT_TRUE(enough.wait_state(Kind::live));
    }
    options_.watch_limit = 3;
    options_.retry_ns = 50 * kMillisecond;
    Watcher watcher(dir_.path(), options_);
    ASSERT_TRUE(watcher.wait_state(Kind::degraded));
    EXPECT_TRUE(watcher.wait([&] {
      return watcher.last_text().starts_with("degraded: 4 directories unwatched") &&
             watcher.last_text().find("instead of fanotify: this process lacks") != std::string::npos;
    }));
    dir_.write("d5/f", "1");
    EXPECT_TRUE(watcher.wait_hint("d5/f"));
    for (int i = 1; i < 6; ++i) fs::remove_all(dir_ / ("d" + std::to_string(i)));
    EXPECT_TRUE(watcher.wait_state(Kind::live));
  });
}

}  // namespace
}  // namespace twsync
