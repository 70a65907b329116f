#include "producers/inotify/watch_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "../../unit/app/temp_dir.h"
#include "common/base/rel_path.h"
#include "fanotify_allowed.h"
#include "watcher.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

/// What holds of either of the kernel's interfaces.
class WatchTreeTest : public testing::TestWithParam<WatchSource> {
 protected:
  void SetUp() override {
    options_.source = GetParam();
    if (GetParam() == WatchSource::fanotify && !fanotify_allowed(dir_.path())) GTEST_SKIP() << kNoFanotify;
  }
  bool by_inotify() const { return GetParam() == WatchSource::inotify; }

  TempDir dir_;
  WatchOptions options_;
};
INSTANTIATE_TEST_SUITE_P(By, WatchTreeTest, testing::Values(WatchSource::inotify, WatchSource::fanotify),
                         [](const auto& info) { return info.param == WatchSource::inotify ? "inotify" : "fanotify"; });

TEST_P(WatchTreeTest, the_whole_root_is_hinted_when_it_is_live) {
  dir_.make("a/b");
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.wait_state(WatchHealth::Kind::live));
  const auto hints = watcher.hints();
  ASSERT_EQ(hints.size(), 1u);
  EXPECT_EQ(hints[0].path, "");
  EXPECT_TRUE(hints[0].recursive);
}

TEST_P(WatchTreeTest, edits_creations_deletions_attributes_and_links) {
  dir_.write("d/edit", "1");
  dir_.write("d/gone", "1");
  dir_.write("d/mode", "1");
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());

  dir_.write("d/edit", "2");
  dir_.write("d/new", "1");
  fs::remove(dir_ / "d/gone");
  ::chmod((dir_ / "d/mode").c_str(), 0600);
  fs::create_symlink("x", dir_ / "d/link");
  fs::create_hard_link(dir_ / "d/edit", dir_ / "d/hard");

  for (const char* path : {"d/edit", "d/new", "d/gone", "d/mode", "d/link", "d/hard"})
    EXPECT_TRUE(watcher.wait_hint(path)) << path;
}

TEST_P(WatchTreeTest, a_tree_made_faster_than_it_can_be_armed_is_all_covered) {
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  std::vector<std::string> files;
  for (int i = 0; i < 200; ++i) {
    const std::string path = "n" + std::to_string(i % 7) + "/a/b" + std::to_string(i) + "/c/d/f";
    dir_.write(path, "x");
    files.push_back(path);
  }
  for (const auto& path : files) ASSERT_TRUE(watcher.wait_hint(path)) << path;

  // ... and is watched from then on.
  ASSERT_TRUE(watcher.settle());
  dir_.write(files.back(), "y");
  EXPECT_TRUE(watcher.wait_hint(files.back()));
}

TEST_P(WatchTreeTest, a_moved_pair_is_one_hint) {
  dir_.write("a", "1");
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  fs::rename(dir_ / "a", dir_ / "b");
  ASSERT_TRUE(watcher.wait_move("a", "b"));
  EXPECT_EQ(watcher.hints().size(), 1u);
}

TEST_P(WatchTreeTest, a_moved_directory_keeps_its_watches) {
  dir_.write("a/x/y/f", "1");
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  fs::rename(dir_ / "a", dir_ / "b");
  ASSERT_TRUE(watcher.wait_move("a", "b"));
  fs::rename(dir_ / "b/x", dir_ / "z");
  ASSERT_TRUE(watcher.wait_move("b/x", "z"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("z/y/f", "2");
  EXPECT_TRUE(watcher.wait_hint("z/y/f"));
}

TEST_P(WatchTreeTest, out_of_the_root_and_back) {
  dir_.write("root/a/f", "1");
  Watcher watcher(dir_ / "root", options_);
  ASSERT_TRUE(watcher.settle());
  fs::rename(dir_ / "root/a", dir_ / "outside");
  ASSERT_TRUE(watcher.wait_hint("a/f"));
  dir_.write("outside/f", "2");
  fs::rename(dir_ / "outside", dir_ / "root/b");
  ASSERT_TRUE(watcher.wait_hint("b/f"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/b/f", "3");
  EXPECT_TRUE(watcher.wait_hint("b/f"));
}

TEST_P(WatchTreeTest, a_file_held_open_is_seen) {
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  std::ofstream log(dir_ / "log");
  log << "one" << std::flush;
  ASSERT_TRUE(watcher.wait_hint("log"));
  ASSERT_TRUE(watcher.settle());
  log << "two" << std::flush;
  EXPECT_TRUE(watcher.wait_hint("log"));
}

TEST_P(WatchTreeTest, an_overflow_becomes_catching_up_and_a_hint_on_everything) {
  dir_.make("d");
  std::mutex hold;
  std::unique_lock held(hold);
  // The tree's thread is held in a callback while more happens than its queue takes.
  std::mutex mutex;
  std::condition_variable changed;
  bool recursive_root = false, armed = false, blocked = false;
  int lives = 0;
  WatchCallbacks callbacks;
  callbacks.hints = [&](std::vector<Hint> hints) {
    {
      const std::lock_guard lock(mutex);
      if (!armed) return;
      blocked = true;
      for (const auto& hint : hints) recursive_root = recursive_root || (hint.path.empty() && hint.recursive);
    }
    changed.notify_all();
    const std::lock_guard wait(hold);
  };
  callbacks.state = [&](const WatchHealth& state) {
    const std::lock_guard lock(mutex);
    lives += state.kind == WatchHealth::Kind::live ? 1 : 0;
    changed.notify_all();
  };
  auto tree = WatchTree::start(dir_.path(), options_, callbacks);
  ASSERT_TRUE(tree.ok());
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return lives == 1; }));
  armed = true;
  lock.unlock();
  dir_.write("d/first", "x");
  lock.lock();
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return blocked; }));
  lock.unlock();
  std::ifstream limit_file(by_inotify() ? "/proc/sys/fs/inotify/max_queued_events"
                                        : "/proc/sys/fs/fanotify/max_queued_events");
  int limit = 16384;
  limit_file >> limit;
  // fanotify makes one event of all that wait for one name.
  for (int i = 0; i <= limit; ++i) {
    const std::string path = dir_ / ("d/s" + std::to_string(i));
    ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ::unlink(path.c_str());
  }
  dir_.make("d/late");
  held.unlock();
  lock.lock();
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return recursive_root && lives == 2; }));
}

TEST_P(WatchTreeTest, beyond_the_watch_limit_it_is_degraded_and_still_hints) {
  for (int i = 0; i < 6; ++i) dir_.make("d" + std::to_string(i));
  if (!by_inotify()) GTEST_SKIP() << "one mark has no such limit";
  WatchOptions options = options_;
  options.watch_limit = 3;
  options.retry_ns = 50 * kMillisecond;
  Watcher watcher(dir_.path(), options);
  ASSERT_TRUE(watcher.wait_state(WatchHealth::Kind::degraded));
  EXPECT_EQ(watcher.states().back().text.find("degraded: 4 directories unwatched"), 0u) << watcher.states().back().text;
  for (int i = 0; i < 6; ++i) {
    const std::string path = "d" + std::to_string(i) + "/f";
    dir_.write(path, "x");
    EXPECT_TRUE(watcher.wait_hint(path)) << path;
  }
  for (int i = 1; i < 6; ++i) fs::remove_all(dir_ / ("d" + std::to_string(i)));
  EXPECT_TRUE(watcher.wait_state(WatchHealth::Kind::live));
}

TEST_P(WatchTreeTest, ignored_and_own_directories_give_no_hint) {
  dir_.make("build/x");
  dir_.make(".twsync/p/stage");
  dir_.make("deep/.twsync");
  WatchOptions options = options_;
  options.ignore = IgnoreFilter({IgnoreRules({"build/", "*.o"})}, {"logs"});
  dir_.make("logs");
  Watcher watcher(dir_.path(), options);
  ASSERT_TRUE(watcher.settle());
  dir_.write("build/x/f", "1");
  dir_.write(".twsync/p/stage/f", "1");
  dir_.write("logs/l", "1");
  dir_.write("a.o", "1");
  dir_.write("deep/.twsync/f", "1");
  dir_.write("last", "1");
  ASSERT_TRUE(watcher.wait_hint("last"));
  ASSERT_TRUE(watcher.wait_hint("deep/.twsync/f"));
  for (const auto& hint : watcher.hints()) {
    EXPECT_TRUE(hint.path == "last" || hint.path == "deep/.twsync/f") << hint.path;
  }
}

TEST_P(WatchTreeTest, a_rename_out_of_an_ignored_name_is_a_plain_hint) {
  WatchOptions options = options_;
  options.ignore = IgnoreFilter({IgnoreRules({"*.tmp"})}, {});
  Watcher watcher(dir_.path(), options);
  ASSERT_TRUE(watcher.settle());
  dir_.write("f.tmp", "1");
  fs::rename(dir_ / "f.tmp", dir_ / "f");
  ASSERT_TRUE(watcher.wait_hint("f"));
  for (const auto& hint : watcher.hints()) EXPECT_FALSE(hint.is_move);
}

TEST_P(WatchTreeTest, a_cookie_comes_after_what_was_before_it) {
  dir_.make(".twsync/p1/cookies");
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  for (int round = 0; round < 20; ++round) {
    const std::string file = "f" + std::to_string(round);
    const std::string cookie = "c" + std::to_string(round);
    dir_.write(file, "x");
    watcher.tree().cookie("p1", cookie);
    ASSERT_TRUE(watcher.wait_cookie(cookie));
    const auto hints = watcher.hints();
    EXPECT_TRUE(std::any_of(hints.begin(), hints.end(), [&](const Hint& h) { return h.path == file; })) << file;
  }
  EXPECT_TRUE(fs::is_empty(dir_ / ".twsync/p1/cookies"));
}

TEST_P(WatchTreeTest, a_cookie_that_cannot_be_dropped_is_answered_by_a_hint_on_everything) {
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  watcher.tree().cookie("absent", "c");
  ASSERT_TRUE(watcher.wait_cookie("c"));
  EXPECT_TRUE(watcher.covered("anything"));
}

TEST_P(WatchTreeTest, a_root_that_goes_and_comes_back) {
  dir_.make("root/d");
  Watcher watcher(dir_ / "root", options_);
  ASSERT_TRUE(watcher.settle());
  fs::rename(dir_ / "root", dir_ / "away");
  ASSERT_TRUE(watcher.wait_state(WatchHealth::Kind::degraded));
  dir_.make("root/new");
  ASSERT_TRUE(watcher.wait_state(WatchHealth::Kind::live));
  ASSERT_TRUE(watcher.settle());
  dir_.write("root/new/f", "x");
  EXPECT_TRUE(watcher.wait_hint("new/f"));
}

TEST_P(WatchTreeTest, other_ignore_rules_watch_what_was_ignored) {
  dir_.make("build");
  WatchOptions options = options_;
  options.ignore = IgnoreFilter({IgnoreRules({"build/"})}, {});
  Watcher watcher(dir_.path(), options);
  ASSERT_TRUE(watcher.settle());
  watcher.tree().set_ignore({});
  ASSERT_TRUE(watcher.wait_hint("build/f"));
  ASSERT_TRUE(watcher.settle());
  dir_.write("build/f", "x");
  EXPECT_TRUE(watcher.wait_hint("build/f"));
}

TEST_P(WatchTreeTest, watches_below_the_root_where_openat2_is_forbidden) {
  // A unit's system call filter answers ENOSYS: directories are then opened component by component.
  dir_.make("a/b");
  options_.resolve = ResolveMode::walk;
  Watcher watcher(dir_.path(), options_);
  ASSERT_TRUE(watcher.settle());
  dir_.write("a/b/file", "x");
  EXPECT_TRUE(watcher.wait_hint("a/b/file"));
}

TEST(WatchTreeStart, a_missing_root_is_an_error) {
  auto tree = WatchTree::start("/nonexistent/x", {}, {});
  ASSERT_FALSE(tree.ok());
  EXPECT_EQ(tree.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace twsync
