// Watches on what is there: armed before it is listed, hinted after all of it is armed.

#include <cerrno>

#include "common/base/rel_path.h"
#include "producers/inotify/watch_impl.h"

namespace twsync {

namespace {
// Between two looks at the event queue, so that it does not overflow while a big tree is armed.
constexpr int kAtOnce = 256;
}  // namespace

bool WatchTree::Impl::skipped(const std::string& path, bool is_directory) const {
  return path.empty() ? false : is_at_or_below(path, ".twsync") || options.ignore.ignored(path, is_directory);
}

void WatchTree::Impl::begin_arming(const std::string& path) {
  const uint64_t id = next_job++;
  jobs[id] = {path, 1};
  to_arm.push_back({path, id});
  if (path.empty()) {
    root_job = id;
    update_state();
  }
}

void WatchTree::Impl::arm_some() {
  for (int i = 0; i < kAtOnce && !to_arm.empty() && !stop; ++i) {
    const ToArm next = std::move(to_arm.front());
    to_arm.pop_front();
    Job& job = jobs[next.job];
    const size_t queued = to_arm.size();
    arm(next.path);
    for (size_t at = queued; at < to_arm.size(); ++at) to_arm[at].job = next.job;
    job.left += to_arm.size() - queued;
    if (--job.left > 0) continue;
    batch.changed(job.path, true, HintBatch::Haste::done, clock.steady_ns());
    jobs.erase(next.job);
    if (next.job != root_job) continue;
    flush(true);
    root_job = 0;
    answer_all_cookies();
    update_state();
  }
}

void WatchTree::Impl::arm(const std::string& path) {
  if (fanotify) return;  // its mark covers what is there and what comes
  auto dir = root->open_below(path);
  if (!dir.ok()) {
    // Gone, unreadable (a scan reports that), a link or a mount: when it appears or is opened up, an event says so.
    const int why = dir.error().sys_errno;
    const bool told_by_an_event = why == ENOENT || why == ENOTDIR || why == ELOOP || why == EXDEV || why == EACCES;
    if (!told_by_an_event) note_unwatched(path);
    return;
  }
  bool watched = false;
  watch_directory(path, *dir, watched);
  if (!watched) return;
  const auto names = dir->subdirectories();
  if (!names.ok()) return;
  for (const auto& name : *names) {
    std::string below = join_path(path, name);
    if (!skipped(below, true)) to_arm.push_back({std::move(below), 0});
  }
}

void WatchTree::Impl::watch_directory(const std::string& path, WatchedDir& dir, bool& watched) {
  WatchTable::Node& node = table.at(path);
  if (options.watch_limit > 0 && node.wd < 0 && table.watched() >= options.watch_limit) {
    out_of_watches = true;
    note_unwatched(path);
    return;
  }
  auto wd = inotify->add(dir.fd(), path.empty());
  if (!wd.ok()) {
    out_of_watches = out_of_watches || wd.error().code == ErrorCode::no_space;
    note_unwatched(path);
    return;
  }
  table.bind(node, *wd);
  unwatched.erase(path);
  watched = true;
}

void WatchTree::Impl::note_unwatched(const std::string& path) {
  if (unwatched.empty()) retry_at = clock.steady_ns() + options.retry_ns;
  unwatched.insert(path);
}

void WatchTree::Impl::retry_unwatched() {
  const int64_t now = clock.steady_ns();
  if (unwatched.empty() || now < retry_at || root_job != 0) return;
  retry_at = now + options.retry_ns;
  // Each is tried again; its job ends with a recursive hint, watched or not.
  for (const auto& path : unwatched) begin_arming(path);
}

}  // namespace twsync
