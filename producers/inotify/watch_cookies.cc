// Cookies: a marker's own event proves that everything before it was seen.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

void WatchTree::Impl::drop_cookie(const std::string& pair_id, const std::string& name) {
  cookies[name] = pair_id;
  const auto prove_otherwise = [&] {
    // Everything is looked at again, which covers every event before.
    batch.changed("", true, HintBatch::Haste::done, clock.steady_ns());
    answer_cookie(name);
  };
  if (!is_valid_name(name) || !is_valid_name(pair_id) || root_gone) return prove_otherwise();
  if (root_job != 0) return;  // answered when catching up ends
  auto dir = root->open_below(str(".twsync/", pair_id, "/cookies"));
  if (!dir.ok()) return prove_otherwise();
  if (inotify) {
    auto wd = inotify->add(dir->fd(), false);
    if (!wd.ok()) return prove_otherwise();
    cookie_dirs[*wd] = pair_id;
  }
  const int fd = ::openat(dir->fd(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    // A leftover of that name: its removal is an event of that name just as well.
    if (errno == EEXIST && ::unlinkat(dir->fd(), name.c_str(), 0) == 0) return;
    return prove_otherwise();
  }
  ::close(fd);
  ::unlinkat(dir->fd(), name.c_str(), 0);
}

void WatchTree::Impl::take_cookie_event(const RawEvent& event) {
  if ((event.mask & IN_IGNORED) != 0) {
    cookie_dirs.erase(event.wd);
    return;
  }
  if ((event.mask & (IN_CREATE | IN_DELETE)) != 0 && cookies.contains(event.name)) answer_cookie(event.name);
}

void WatchTree::Impl::answer_cookie(const std::string& name) {
  flush(true);
  cookies.erase(name);
  if (callbacks.cookie) callbacks.cookie(name, unwatched.empty() && !root_gone);
}

void WatchTree::Impl::answer_all_cookies() {
  while (!cookies.empty()) answer_cookie(std::string(cookies.begin()->first));
}

}  // namespace twsync
