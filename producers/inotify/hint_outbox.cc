#include "producers/inotify/hint_outbox.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace twsync {

namespace {
// The broker takes bounded messages; a hint is a path or two.
constexpr size_t kBytesPerMessage = 1U << 20U;

size_t size_of(const Hint& hint) {
  return hint.path.size() + hint.moved_from.size() + 64;
}
}  // namespace

void HintOutbox::add_root(const std::string& root, std::vector<std::string> pairs) {
  const std::lock_guard lock(mutex_);
  roots_[root].pairs = std::move(pairs);
}

void HintOutbox::collapse(Root& root) {
  Hint all;
  all.source = HintSource::inotify;
  all.side = Side::code;
  all.recursive = true;
  root.hints.assign(1, all);
}

void HintOutbox::add(const std::string& root, std::vector<Hint> hints) {
  {
    const std::lock_guard lock(mutex_);
    Root& to = roots_[root];
    const bool covered = std::any_of(hints.begin(), hints.end(),
                                     [](const Hint& h) { return h.path.empty() && h.recursive && !h.is_move; });
    if (covered) to.hints.clear();
    to.hints.insert(to.hints.end(), std::make_move_iterator(hints.begin()), std::make_move_iterator(hints.end()));
    if (to.hints.size() > limit_) collapse(to);
  }
  changed_.notify_all();
}

void HintOutbox::set_state(const std::string& root, const std::string& state) {
  {
    const std::lock_guard lock(mutex_);
    roots_[root].state = state;
    roots_[root].state_news = true;
  }
  changed_.notify_all();
}

void HintOutbox::add_cookie(const std::string& root, const std::string& name, bool whole) {
  {
    const std::lock_guard lock(mutex_);
    roots_[root].cookies.push_back({{}, name, whole});
  }
  changed_.notify_all();
}

void HintOutbox::repeat_states() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [path, root] : roots_) root.state_news = !root.state.empty();
  }
  changed_.notify_all();
}

bool HintOutbox::anything() const {
  return std::any_of(roots_.begin(), roots_.end(), [](const auto& item) {
    return !item.second.hints.empty() || item.second.state_news || !item.second.cookies.empty();
  });
}

bool HintOutbox::take(Publish& out, int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto awaited = [&] { return closed_ || anything(); };
  if (timeout_ms < 0) {
    changed_.wait(lock, awaited);
  } else {
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), awaited);
  }
  out = Publish{};
  size_t bytes = 0;
  for (auto& [path, root] : roots_) {
    auto end = root.hints.begin();
    for (; end != root.hints.end() && bytes < kBytesPerMessage; ++end) bytes += size_of(*end) * root.pairs.size();
    root.taken.assign(std::make_move_iterator(root.hints.begin()), std::make_move_iterator(end));
    root.hints.erase(root.hints.begin(), end);
    for (const auto& pair : root.pairs) {
      for (Hint hint : root.taken) {
        hint.pair = pair;
        out.hints.push_back(std::move(hint));
      }
      if (root.state_news) out.watch.push_back({pair, Side::code, root.state});
    }
    root.state_news = false;
    if (!root.hints.empty()) continue;
    root.taken_cookies = std::exchange(root.cookies, {});
    for (const auto& pair : root.pairs) {
      for (const auto& cookie : root.taken_cookies) out.cookies.push_back({pair, cookie.name, cookie.whole});
    }
  }
  return !out.hints.empty() || !out.watch.empty() || !out.cookies.empty();
}

void HintOutbox::sent() {
  const std::lock_guard lock(mutex_);
  for (auto& [path, root] : roots_) {
    root.taken.clear();
    root.taken_cookies.clear();
  }
}

void HintOutbox::failed() {
  const std::lock_guard lock(mutex_);
  for (auto& [path, root] : roots_) {
    root.hints.insert(root.hints.begin(), std::make_move_iterator(root.taken.begin()),
                      std::make_move_iterator(root.taken.end()));
    root.taken.clear();
    root.cookies.insert(root.cookies.begin(), std::make_move_iterator(root.taken_cookies.begin()),
                        std::make_move_iterator(root.taken_cookies.end()));
    root.taken_cookies.clear();
    root.state_news = !root.state.empty();
    if (root.hints.size() > limit_) collapse(root);
  }
}

void HintOutbox::refused() {
  const std::lock_guard lock(mutex_);
  for (auto& [path, root] : roots_) {
    root.taken_cookies.clear();
    if (root.taken.empty()) continue;
    root.taken.clear();
    collapse(root);
  }
}

void HintOutbox::pause(int timeout_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return closed_; });
}

void HintOutbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace twsync
