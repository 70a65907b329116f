#include "producers/inotify/watch_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/text.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

namespace {
constexpr int64_t kLoneMoveNs = 20 * kMillisecond;
// What happens to the root itself and to mounts is told; this finds out that a directory above it was renamed.
constexpr int64_t kCheckRootNs = 10 * kSecond;
constexpr int64_t kRootGoneNs = kSecond;

void wake(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(fd, &one, sizeof one);
}
}  // namespace

WatchTree::Impl::Impl(std::string root_directory, WatchOptions o, WatchCallbacks c, WatchedDir dir, int wake_descriptor)
    : root_path(std::move(root_directory)),
      options(std::move(o)),
      callbacks(std::move(c)),
      root(std::move(dir)),
      wake_fd(wake_descriptor),
      mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)),
      batch(options.side, options.settle) {
  state = {WatchHealth::Kind::catching_up, "catching up"};
}

WatchTree::Impl::~Impl() {
  ::close(wake_fd);
}

void WatchTree::Impl::run() {
  begin_arming("");
  while (!stop) {
    arm_some();
    poll_once();
    take_commands();
    take_events();
    end_lone_moves(false);
    leave_inotify();
    if (overflowed) restart();
    check_root();
    retry_unwatched();
    flush(false);
  }
}

void WatchTree::Impl::restart() {
  // What was lost may be a directory that nobody armed: everything is armed anew on a fresh queue, then hinted.
  (void)open_source();  // else the queue of before serves on
  forget_all();
  begin_arming("");
}

void WatchTree::Impl::check_root() {
  const int64_t now = clock.steady_ns();
  if (now < check_root_at) return;
  check_root_at = now + kCheckRootNs;
  if (!root_gone && root->is_still(root_path)) return;
  check_root_at = now + kRootGoneNs;
  auto again = WatchedDir::open_root(root_path, options.resolve);
  if (!again.ok()) {
    if (!root_gone) {
      root_gone = true;
      table.clear();
      batch.changed("", true, HintBatch::Haste::done, now);
    }
    update_state();
    return;
  }
  root_gone = false;
  root = std::move(again).value();
  restart();
}

int WatchTree::Impl::poll_timeout_ms() {
  if (!to_arm.empty()) return 0;
  const int64_t now = clock.steady_ns();
  int64_t until = check_root_at;
  if (const auto due = batch.due()) until = std::min(until, *due);
  for (const auto& [cookie, move] : lone_moves) until = std::min(until, move.at_ns + kLoneMoveNs);
  if (!unwatched.empty()) until = std::min(until, retry_at);
  return static_cast<int>(
      std::clamp<int64_t>((until - now + kMillisecond - 1) / kMillisecond, 0, kCheckRootNs / kMillisecond));
}

void WatchTree::Impl::poll_once() {
  pollfd items[3] = {{source_fd(), POLLIN, 0}, {wake_fd, POLLIN, 0}, {mounts.get(), POLLPRI, 0}};
  if (::poll(items, 3, poll_timeout_ms()) <= 0) return;
  if (items[2].revents != 0) check_root_at = 0;
  if ((items[1].revents & POLLIN) != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = ::read(wake_fd, &count, sizeof count);
  }
}

void WatchTree::Impl::end_lone_moves(bool all) {
  const int64_t now = clock.steady_ns();
  for (auto it = lone_moves.begin(); it != lone_moves.end();) {
    if (!all && it->second.at_ns + kLoneMoveNs > now) {
      ++it;
      continue;
    }
    // It left the root.
    if (it->second.is_directory) drop_tree(it->second.path);
    batch.changed(it->second.path, it->second.is_directory, HintBatch::Haste::done, now);
    it = lone_moves.erase(it);
  }
}

void WatchTree::Impl::flush(bool all) {
  if (all) end_lone_moves(true);
  auto hints = batch.take(clock.steady_ns(), all);
  if (!hints.empty() && callbacks.hints) callbacks.hints(std::move(hints));
  update_state();
}

void WatchTree::Impl::update_state() {
  if (root_gone) {
    set_state(WatchHealth::Kind::degraded, "degraded: the root is not there");
  } else if (root_job != 0) {
    set_state(WatchHealth::Kind::catching_up, "catching up");
  } else if (!unwatched.empty()) {
    set_state(WatchHealth::Kind::degraded,
              in_full(str("degraded: ", unwatched.size(), unwatched.size() == 1 ? " directory" : " directories",
                          " unwatched (raise fs.inotify.max_user_watches)")));
  } else if (!refused.empty() && options.source == WatchSource::fanotify) {
    set_state(WatchHealth::Kind::degraded, in_full("degraded: all watched"));
  } else {
    set_state(WatchHealth::Kind::live, fanotify ? "live (fanotify)" : "live (inotify)");
  }
}

void WatchTree::Impl::set_state(WatchHealth::Kind kind, std::string text) {
  WatchHealth told;
  {
    const std::lock_guard lock(mutex);
    if (state.kind == kind && state.text == text) return;
    state = {kind, std::move(text)};
    told = state;
  }
  if (callbacks.state) callbacks.state(told);
}

void WatchTree::Impl::take_commands() {
  std::vector<Command> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(commands);
  }
  for (auto& command : taken) {
    if (command.ignore) {
      options.ignore = std::move(*command.ignore);
      restart();
    } else {
      drop_cookie(command.pair_id, command.cookie);
    }
  }
}

WatchTree::WatchTree(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WatchTree::~WatchTree() {
  impl_->stop = true;
  wake(impl_->wake_fd);
  impl_->thread.join();
}

Result<std::unique_ptr<WatchTree>> WatchTree::start(const std::string& root, WatchOptions options,
                                                    WatchCallbacks callbacks) {
  SYNC_ASSIGN(auto dir, WatchedDir::open_root(root, options.resolve));
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return error_from_errno(errno, "cannot watch for changes (eventfd)");
  auto impl = std::make_unique<Impl>(root, std::move(options), std::move(callbacks), std::move(dir), wake_fd);
  SYNC_TRY(impl->open_source());
  Impl* running = impl.get();
  std::unique_ptr<WatchTree> tree(new WatchTree(std::move(impl)));
  running->thread = std::thread([running] { running->run(); });
  return tree;
}

void WatchTree::cookie(const std::string& pair_id, const std::string& name) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->commands.push_back({pair_id, name, std::nullopt});
  }
  wake(impl_->wake_fd);
}

void WatchTree::set_ignore(IgnoreFilter ignore) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->commands.push_back({{}, {}, std::move(ignore)});
  }
  wake(impl_->wake_fd);
}

WatchHealth WatchTree::state() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->state;
}

}  // namespace twsync
