// Which of the kernel's interfaces a tree is watched by.
//
// A fanotify mark covers a file system with one mark and no time to arm it, and wakes this process for every write to
// that file system by anybody, below the root or not. inotify is told of the root alone, and takes a watch and kernel
// memory for each directory. So inotify is the choice where its watches suffice.

#include "common/base/text.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

namespace {
// One wake-up reads at most so many buffers, so that hints go out in a storm that never pauses.
constexpr int kBuffers = 64;
}  // namespace

template <class Event, class Source>
void WatchTree::Impl::take_events_of(Source& source) {
  std::vector<Event> events;
  for (int i = 0; i < kBuffers && !overflowed; ++i) {
    events.clear();
    const auto more = source.read(events);
    if (!more.ok()) {
      overflowed = true;  // the queue cannot be read: as good as lost
      return;
    }
    if (!*more) return;
    for (const auto& event : events) {
      take(event);
      if (overflowed) break;
    }
  }
}

void WatchTree::Impl::take_events() {
  fanotify ? take_events_of<FanotifyEvent>(*fanotify) : take_events_of<RawEvent>(*inotify);
}

Status WatchTree::Impl::open_source() {
  refused.clear();
  const bool in_need = options.source == WatchSource::automatic && out_of_watches;
  if (options.source == WatchSource::fanotify || in_need) {
    auto opened = FanotifyFd::open(root->fd());
    if (opened.ok()) {
      fanotify = std::move(opened).value();
      inotify.reset();
      return {};
    }
    note_refusal(opened.error());
  }
  SYNC_ASSIGN(inotify, InotifyFd::open());
  fanotify.reset();
  return {};
}

/// When a watch was wanting: once, since a refusal is not going to change while this process runs.
void WatchTree::Impl::leave_inotify() {
  if (!out_of_watches || fanotify || options.source != WatchSource::automatic || !refused.empty()) return;
  const auto opened = FanotifyFd::open(root->fd());
  if (opened.ok()) {
    overflowed = true;  // everything is looked at anew, by the other interface
  } else {
    note_refusal(opened.error());
  }
}

void WatchTree::Impl::note_refusal(const Error& error) {
  refused = error.message;
  if (error.code == ErrorCode::denied && !options.fanotify_mend.empty())
    refused += str("; to allow it: ", options.fanotify_mend);
}

void WatchTree::Impl::forget_all() {
  overflowed = false;
  table.clear();
  paths.forget();
  lone_moves.clear();
  to_arm.clear();
  jobs.clear();
  unwatched.clear();
  cookie_dirs.clear();
}

std::string WatchTree::Impl::in_full(std::string text) const {
  return refused.empty() ? text : str(text, ", by inotify instead of fanotify: ", refused);
}

}  // namespace twsync
