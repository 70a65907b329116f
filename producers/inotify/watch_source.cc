// Which of the kernel's interfaces a tree is watched by.
//
// A fanotify mark covers a file system with one mark and no time to arm it, and wakes this process for every write to
// that file system by anybody, below the root or not. inotify is told of the root alone, and takes a watch and kernel
// memory for each directory. So inotify is the choice where its watches suffice.

#include "common/base/text.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

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
