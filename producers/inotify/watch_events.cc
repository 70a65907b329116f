// What an inotify event means for hints and watches.

#include "common/base/rel_path.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

void WatchTree::Impl::take(const RawEvent& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    overflowed = true;
    return;
  }
  if (cookie_dirs.contains(event.wd)) {
    take_cookie_event(event);
    return;
  }
  WatchTable::Node* node = table.by_wd(event.wd);
  if (node == nullptr) return;
  if ((event.mask & IN_IGNORED) != 0) {
    table.forget_wd(event.wd);
    return;
  }
  const std::string directory = WatchTable::path_of(*node);
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0 && directory.empty()) {
    check_root_at = 0;
    return;
  }
  if (event.name.empty()) {
    batch.changed(directory, false, HintBatch::Haste::done, clock.steady_ns());
    return;
  }
  take_named(event, join_path(directory, event.name));
}

void WatchTree::Impl::take_named(const RawEvent& event, const std::string& path) {
  const bool is_directory = (event.mask & IN_ISDIR) != 0;
  const int64_t now = clock.steady_ns();
  if ((event.mask & IN_MOVED_TO) != 0) {
    take_moved_to(event, path);
    return;
  }
  if (skipped(path, is_directory)) return;
  if ((event.mask & IN_MOVED_FROM) != 0) {
    lone_moves[event.cookie] = {path, is_directory, now};
  } else if ((event.mask & IN_DELETE) != 0) {
    if (is_directory) drop_tree(path);
    batch.changed(path, is_directory, HintBatch::Haste::done, now);
  } else if (is_directory) {
    const WatchTable::Node* node = table.find(path);
    // Made, or opened up by a chmod: watched from now on, and hinted once all below it is.
    if ((event.mask & IN_CREATE) != 0 || node == nullptr || node->wd < 0) begin_arming(path);
    if ((event.mask & IN_CREATE) == 0) batch.changed(path, false, HintBatch::Haste::done, now);
  } else if ((event.mask & (IN_CLOSE_WRITE | IN_ATTRIB)) != 0) {
    batch.changed(path, false, HintBatch::Haste::done, now);
  } else if ((event.mask & IN_CREATE) != 0) {
    batch.changed(path, false, HintBatch::Haste::begun, now);
  } else if ((event.mask & IN_MODIFY) != 0) {
    batch.modified(path, now);
  }
}

void WatchTree::Impl::take_moved_to(const RawEvent& event, const std::string& path) {
  const bool is_directory = (event.mask & IN_ISDIR) != 0;
  const int64_t now = clock.steady_ns();
  const auto other_half = lone_moves.find(event.cookie);
  if (other_half == lone_moves.end()) {
    if (skipped(path, is_directory)) return;
    if (is_directory) {
      drop_tree(path);
      begin_arming(path);
    } else {
      batch.changed(path, false, HintBatch::Haste::done, now);
    }
    return;
  }
  const std::string from = other_half->second.path;
  lone_moves.erase(other_half);
  if (skipped(path, is_directory)) {
    if (is_directory) drop_tree(from);
    batch.changed(from, is_directory, HintBatch::Haste::done, now);
    return;
  }
  batch.moved(from, path, is_directory, now);
  if (!is_directory) return;
  for (const int wd : table.move(from, path)) inotify->remove(wd);
  batch.rename_below(from, path);
  // Something below may have been on its way to be armed under the old name.
  begin_arming(path);
}

void WatchTree::Impl::drop_tree(const std::string& path) {
  for (const int wd : table.drop(path)) inotify->remove(wd);
  std::erase_if(unwatched, [&](const std::string& one) { return is_at_or_below(one, path); });
}

}  // namespace twsync
