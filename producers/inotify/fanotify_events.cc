// What a fanotify event means for hints. No watches to keep: every directory of the file system is seen.

#include <sys/fanotify.h>

#include "common/base/rel_path.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

namespace {
constexpr uint64_t kMoves = FAN_RENAME | FAN_MOVED_FROM | FAN_MOVED_TO;
}  // namespace

void WatchTree::Impl::take(const FanotifyEvent& event) {
  if ((event.mask & FAN_Q_OVERFLOW) != 0) {
    overflowed = true;
    return;
  }
  const bool is_directory = (event.mask & FAN_ONDIR) != 0;
  // A path that was found before may lead somewhere else now. What was hinted by such a path meanwhile stands below the
  // moved directory, which is hinted with all below it.
  if (is_directory && (event.mask & kMoves) != 0) paths.forget();
  if (root_gone) return;
  const auto at = path_at(event.at);
  const bool root_may_be_moved = is_directory && (event.mask & (kMoves | FAN_DELETE)) != 0;
  if (root_may_be_moved && !at) check_root_at = 0;
  if ((event.mask & FAN_RENAME) != 0) {
    take_rename(at, path_at(event.to), is_directory);
  } else if (at) {
    take_change(event.mask, *at);
  }
}

std::optional<std::string> WatchTree::Impl::path_at(const FanotifyEvent::Place& place) {
  using Where = DirectoryPaths::Found::Where;
  if (place.directory.empty()) return std::nullopt;
  const auto& found = paths.find(root->fd(), place.directory);
  if (found.where == Where::unknown) overflowed = true;
  if (found.where == Where::above_it && !skipped(found.path, true))
    batch.changed(found.path, true, HintBatch::Haste::done, clock.steady_ns());
  if (found.where != Where::below) return std::nullopt;
  return place.name.empty() ? found.path : join_path(found.path, place.name);
}

void WatchTree::Impl::take_rename(std::optional<std::string> from, std::optional<std::string> to, bool is_directory) {
  const int64_t now = clock.steady_ns();
  if (from && skipped(*from, is_directory)) from.reset();
  if (to && skipped(*to, is_directory)) to.reset();
  if (from && to) {
    batch.moved(*from, *to, is_directory, now);
    if (is_directory) batch.rename_below(*from, *to);
  } else if (from) {
    batch.changed(*from, is_directory, HintBatch::Haste::done, now);
  } else if (to) {
    batch.changed(*to, is_directory, HintBatch::Haste::done, now);
  }
}

void WatchTree::Impl::take_change(uint64_t mask, const std::string& path) {
  const bool is_directory = (mask & FAN_ONDIR) != 0;
  const int64_t now = clock.steady_ns();
  if (is_below(path, ".twsync")) {
    const std::string name(base_name(path));
    if ((mask & (FAN_CREATE | FAN_DELETE)) != 0 && cookies.contains(name)) answer_cookie(name);
    return;
  }
  if (skipped(path, is_directory)) return;
  // Events of one name that wait in the queue are one event by the time they are read.
  if (is_directory) {
    batch.changed(path, (mask & (FAN_CREATE | FAN_DELETE | kMoves)) != 0, HintBatch::Haste::done, now);
  } else if ((mask & (FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_DELETE | kMoves)) != 0) {
    batch.changed(path, false, HintBatch::Haste::done, now);
  } else if ((mask & FAN_CREATE) != 0) {
    batch.changed(path, false, HintBatch::Haste::begun, now);
  } else if ((mask & FAN_MODIFY) != 0) {
    batch.modified(path, now);
  }
}

}  // namespace twsync
