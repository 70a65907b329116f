#include "workers/agent/agent_watch.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "common/base/hasher.h"
#include "common/base/max_path.h"
#include "common/base/text.h"

namespace twsync {
namespace {

constexpr size_t kHintsBytes = 1U << 20U;
constexpr auto kCookieWait = std::chrono::seconds(5);

/// Run by root there; a new version of the agent is a new file.
std::string fanotify_mend() {
  char self[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self);
  if (size <= 0) return {};
  return str("setcap cap_sys_admin,cap_dac_read_search+ep ",
             escape_bytes(std::string_view(self, static_cast<size_t>(size))), "  # on the deploy server");
}

}  // namespace

WatchSource watch_source(const WatchRequest& request) {
  return request.source <= static_cast<uint8_t>(WatchSource::fanotify) ? static_cast<WatchSource>(request.source)
                                                                       : WatchSource::automatic;
}

IgnoreFilter watch_filter(const WatchRequest& request) {
  const auto split = request.ignore_lines.begin() +
                     static_cast<ptrdiff_t>(std::min<size_t>(request.ignore_split, request.ignore_lines.size()));
  std::vector<IgnoreRules> sets;
  sets.emplace_back(request.exclude);
  sets.emplace_back(std::vector<std::string>(request.ignore_lines.begin(), split));
  sets.emplace_back(std::vector<std::string>(split, request.ignore_lines.end()));
  std::vector<std::string> never = request.never;
  never.emplace_back(".twsync");
  return {std::move(sets), std::move(never)};
}

Result<std::unique_ptr<AgentWatch>> AgentWatch::start(Connection& connection, const std::string& root,
                                                      const WatchRequest& request) {
  std::unique_ptr<AgentWatch> watch(new AgentWatch(connection));
  AgentWatch* raw = watch.get();
  WatchOptions options;
  options.side = Side::deploy;
  options.ignore = watch_filter(request);
  options.source = watch_source(request);
  options.fanotify_mend = fanotify_mend();
  WatchCallbacks callbacks;
  callbacks.hints = [raw](std::vector<Hint> hints) { raw->send_hints(std::move(hints)); };
  callbacks.state = [raw](const WatchHealth& state) {
    (void)raw->connection_.send(FrameType::hints, 0, encode(HintsFrame{{}, state.text}));
  };
  callbacks.cookie = [raw](const std::string& name, bool whole) { raw->seen(name, whole); };
  SYNC_ASSIGN(watch->tree_, WatchTree::start(root, std::move(options), std::move(callbacks)));
  return watch;
}

void AgentWatch::set_rules(const WatchRequest& request) {
  tree_->set_ignore(watch_filter(request));
}

void AgentWatch::send_hints(std::vector<Hint> hints) {
  for (Hint& hint : hints) {
    hint.path = std::string(within_max_path(hint.path));
    hint.moved_from = std::string(within_max_path(hint.moved_from));
  }
  for (size_t from = 0; from < hints.size();) {
    HintsFrame frame;
    for (size_t bytes = 0; from < hints.size() && bytes < kHintsBytes; ++from) {
      bytes += hints[from].path.size() + hints[from].moved_from.size() + 32;
      frame.hints.push_back(std::move(hints[from]));
    }
    if (!connection_.send(FrameType::hints, 0, encode(frame)).ok()) return;  // the session is over
  }
}

void AgentWatch::seen(const std::string& name, bool whole) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(name);
  whole_ = whole;
  changed_.notify_all();
}

Status AgentWatch::cookie(const std::string& pair_id) {
  const std::string name = random_hex(8);
  std::unique_lock lock(mutex_);
  waiting_.insert(name);
  lock.unlock();
  tree_->cookie(pair_id, name);
  lock.lock();
  if (changed_.wait_for(lock, kCookieWait, [&] { return !waiting_.contains(name); })) {
    return whole_ ? Status{} : Error{ErrorCode::unsupported, "not everything below the root is watched", {}, 0};
  }
  waiting_.erase(name);
  return Error{ErrorCode::unsupported, "the watch did not see its own marker", {}, 0};
}

}  // namespace twsync
