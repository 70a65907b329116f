#pragma once
// Collects what a tree says, and waits for conditions on it.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/base/rel_path.h"
#include "producers/inotify/watch_tree.h"

namespace twsync {

class Watcher {
 public:
  explicit Watcher(const std::string& root, WatchOptions options = {}) {
    WatchCallbacks callbacks;
    callbacks.hints = [this](std::vector<Hint> hints) {
      change([&] { hints_.insert(hints_.end(), hints.begin(), hints.end()); });
    };
    callbacks.state = [this](const WatchHealth& state) { change([&] { states_.push_back(state); }); };
    callbacks.cookie = [this](const std::string& name, bool) { change([&] { cookies_.insert(name); }); };
    auto tree = WatchTree::start(root, std::move(options), std::move(callbacks));
    EXPECT_TRUE(tree.ok());
    if (tree.ok()) tree_ = std::move(tree).value();
  }
  ~Watcher() { tree_.reset(); }

  WatchTree& tree() { return *tree_; }

  template <class F>
  bool wait(F&& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  bool wait_state(WatchHealth::Kind kind) {
    return wait([&] { return !states_.empty() && states_.back().kind == kind; });
  }
  /// Waits until live, then forgets what was said so far.
  bool settle() {
    const bool live = wait_state(WatchHealth::Kind::live);
    const std::lock_guard lock(mutex_);
    hints_.clear();
    return live;
  }
  bool wait_hint(const std::string& path) {
    return wait([&] { return covered(path); });
  }
  bool wait_move(const std::string& from, const std::string& to) {
    return wait([&] {
      return std::any_of(hints_.begin(), hints_.end(),
                         [&](const Hint& h) { return h.is_move && h.moved_from == from && h.path == to; });
    });
  }
  bool wait_cookie(const std::string& name) {
    return wait([&] { return cookies_.contains(name); });
  }
  /// By name or by a recursive directory above it; under the lock.
  bool covered(const std::string& path) const {
    return std::any_of(hints_.begin(), hints_.end(), [&](const Hint& h) {
      return h.path == path || h.moved_from == path || (h.recursive && is_at_or_below(path, h.path));
    });
  }
  std::string last_text() const { return states_.empty() ? "" : states_.back().text; }  ///< under the lock
  std::vector<Hint> hints() {
    const std::lock_guard lock(mutex_);
    return hints_;
  }
  std::vector<WatchHealth> states() {
    const std::lock_guard lock(mutex_);
    return states_;
  }

 private:
  template <class F>
  void change(F&& apply) {
    {
      const std::lock_guard lock(mutex_);
      apply();
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Hint> hints_;
  std::vector<WatchHealth> states_;
  std::set<std::string> cookies_;
  std::unique_ptr<WatchTree> tree_;
};

}  // namespace twsync
