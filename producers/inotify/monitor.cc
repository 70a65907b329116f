#include "producers/inotify/monitor.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "common/app/event_text.h"
#include "common/app/log.h"
#include "common/base/hasher.h"
#include "common/zmq/subscriber.h"
#include "producers/inotify/event_log.h"
#include "producers/inotify/hint_outbox.h"
#include "producers/inotify/presence.h"
#include "producers/inotify/watch_tree.h"

namespace twsync {

namespace {

constexpr int64_t kRetryRootNs = 5 * kSecond;
constexpr int kConnectMs = 2000;
constexpr int kPublishMs = 10'000;

std::vector<std::string> in_all(const std::vector<PairConfig>& pairs, std::vector<std::string> PairConfig::*field) {
  std::vector<std::string> out = pairs.front().*field;
  std::erase_if(out, [&](const std::string& one) {
    return !std::all_of(pairs.begin(), pairs.end(), [&](const PairConfig& pair) {
      return std::find((pair.*field).begin(), (pair.*field).end(), one) != (pair.*field).end();
    });
  });
  return out;
}

/// Sends what the outbox holds; waits for a broker where there is none.
class Publisher {
 public:
  Publisher(ZmqContext& context, BrokerEndpoints endpoints, HintOutbox& outbox)
      : context_(context), endpoints_(std::move(endpoints)), outbox_(outbox), thread_([this] { run(); }) {}
  ~Publisher() {
    stop_ = true;
    outbox_.close();
    thread_.join();
  }

 private:
  void run() {
    while (!stop_) {
      Publish message;
      if (!outbox_.take(message, -1)) continue;
      const auto status = send(message, random_hex(16));
      if (status.ok()) {
        outbox_.sent();
        continue;
      }
      client_.reset();
      if (status.error().code == ErrorCode::usage || status.error().code == ErrorCode::peer_violation) {
        outbox_.refused();
      } else {
        outbox_.failed();
      }
      if (!told_) log_warn("the broker does not answer, changes are kept until it does: ", describe(status.error()));
      told_ = true;
      outbox_.pause(1000);
    }
  }

  Status send(const Publish& message, const std::string& key) {
    if (!client_) {
      SYNC_ASSIGN(client_, BrokerClient::connect(context_, endpoints_, kConnectMs));
      if (told_) log_info("the broker answers again");
      told_ = false;
      outbox_.repeat_states();
    }
    return client_->publish(message, key, kPublishMs);
  }

  ZmqContext& context_;
  const BrokerEndpoints endpoints_;
  HintOutbox& outbox_;
  std::unique_ptr<BrokerClient> client_;
  bool told_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// One code root and the pairs on it.
struct WatchedRoot {
  std::string path;
  std::vector<PairConfig> pairs;
  std::unique_ptr<WatchTree> tree;
  int64_t retry_at = 0;
  std::string failure;
};

void start_watch(WatchedRoot& root, const std::string& fanotify_mend, HintOutbox& outbox) {
  const CommonRules rules = common_rules(root.pairs);
  WatchOptions options;
  options.side = Side::code;
  options.ignore = IgnoreFilter({IgnoreRules(rules.exclude)}, rules.never);
  options.source = common_source(root.pairs);
  options.fanotify_mend = fanotify_mend;
  WatchCallbacks callbacks;
  const std::string path = root.path;
  callbacks.hints = [&outbox, path](std::vector<Hint> hints) { outbox.add(path, std::move(hints)); };
  callbacks.state = [&outbox, path](const WatchHealth& state) {
    log_info("watch of ", escape_bytes(path), ": ", state.text);
    outbox.set_state(path, state.text);
  };
  callbacks.cookie = [&outbox, path](const std::string& name, bool whole) { outbox.add_cookie(path, name, whole); };
  auto tree = WatchTree::start(path, std::move(options), std::move(callbacks));
  if (tree.ok()) {
    root.tree = std::move(tree).value();
    root.failure.clear();
    return;
  }
  const std::string failure = describe(tree.error());
  if (failure != root.failure) log_error("cannot watch ", escape_bytes(path), ": ", failure);
  root.failure = failure;
  outbox.set_state(path, str("degraded: ", tree.error().message));
}

std::vector<WatchedRoot> roots_of(const std::vector<PairConfig>& pairs, HintOutbox& outbox) {
  std::map<std::string, std::vector<PairConfig>> by_root;
  for (const auto& pair : pairs) by_root[pair.code_path].push_back(pair);
  std::vector<WatchedRoot> out;
  for (auto& [path, on_root] : by_root) {
    std::vector<std::string> names;
    for (const auto& pair : on_root) names.push_back(pair.name);
    outbox.add_root(path, std::move(names));
    out.push_back({path, std::move(on_root), nullptr, 0, {}});
  }
  return out;
}

/// Those that can't be watched are tried again when they are due. Returns when the next one is.
int64_t start_watches(std::vector<WatchedRoot>& roots, const std::string& fanotify_mend, HintOutbox& outbox,
                      int64_t now) {
  int64_t next = INT64_MAX;
  for (auto& root : roots) {
    if (!root.tree && now >= root.retry_at) {
      root.retry_at = now + kRetryRootNs;
      start_watch(root, fanotify_mend, outbox);
    }
    if (!root.tree) next = std::min(next, root.retry_at);
  }
  return next;
}

struct Told {
  bool ready = false;
  std::string failure;
};

/// Ready with the first root that is watched: another one that is away is that pair's trouble, and is told.
void tell_roots(const std::vector<WatchedRoot>& roots, const MonitorOptions& options, Told& told) {
  std::string failure;
  for (const auto& root : roots) {
    if (root.tree && !std::exchange(told.ready, true) && options.ready) options.ready();
    if (!root.tree && failure.empty()) failure = str("cannot watch ", escape_bytes(root.path), ": ", root.failure);
  }
  if (failure != told.failure && options.status) options.status(failure.empty() ? "watching" : failure);
  told.failure = failure;
}

int wait_ms(int64_t until, int64_t now) {
  if (until == INT64_MAX) return -1;
  return static_cast<int>(std::clamp<int64_t>((until - now) / kMillisecond + 1, 1, 3'600'000));
}

void log_event_line(EventLog& events, const Event& event, int64_t now_ns) {
  const auto line = events.take(event, now_ns);
  if (line) write_log(line->level, line->text, event_fields(event));
}

/// One line for whoever asks the service manager.
class StatusLine {
 public:
  /// The new line, when the event changed it.
  std::optional<std::string> take(const Event& event) {
    const bool ended = event.kind == EventKind::cycle || event.kind == EventKind::summary;
    if (!ended || !event.summary || event.summary->dry_run) return std::nullopt;
    const Summary& s = *event.summary;
    std::string& state = pairs_[event.pair];
    std::string now = s.error.code != ErrorCode::ok ? "failed: " + describe(s.error)
                      : s.in_sync                   ? "in sync"
                                                    : str(s.pending, " pending, ", s.parked, " parked");
    if (now == state) return std::nullopt;
    state = std::move(now);
    std::string line;
    for (const auto& [pair, text] : pairs_) line += str(line.empty() ? "" : "; ", pair, ": ", text);
    return line;
  }

 private:
  std::map<std::string, std::string> pairs_;
};

/// A flush asks whether everything that happened before it was hinted (DESIGN: cookie).
void drop_cookie(std::vector<WatchedRoot>& roots, const Event& event) {
  for (auto& root : roots) {
    const bool theirs = std::any_of(root.pairs.begin(), root.pairs.end(),
                                    [&](const PairConfig& pair) { return pair.name == event.pair; });
    if (theirs && root.tree) root.tree->cookie(event.text, event.item);
  }
}

WorkerReady presence_of(const MonitorOptions& options) {
  WorkerReady ready;
  ready.service = "monitor";
  for (const auto& pair : options.pairs) ready.pairs.push_back(pair.name);
  ready.pid = static_cast<uint32_t>(::getpid());
  ready.version = options.version;
  return ready;
}

}  // namespace

CommonRules common_rules(const std::vector<PairConfig>& pairs) {
  return {in_all(pairs, &PairConfig::exclude), in_all(pairs, &PairConfig::code_never)};
}

WatchSource common_source(const std::vector<PairConfig>& pairs) {
  WatchSource out = WatchSource::automatic;
  for (const auto& pair : pairs) out = std::max(out, pair.watch);
  return out;
}

Status run_monitor(ZmqContext& context, const MonitorOptions& options, Signals& signals) {
  HintOutbox outbox;
  SystemClock clock;
  auto roots = roots_of(options.pairs, outbox);
  SYNC_ASSIGN(const auto subscriber, BrokerSubscriber::connect(context, options.endpoints));
  const Publisher publisher(context, options.endpoints, outbox);
  SYNC_ASSIGN(const auto presence, Presence::open(context, options.endpoints, presence_of(options), outbox));
  StatusLine status;
  EventLog events;
  Told told;
  const OnStop on_stop(signals, [&] { subscriber->wake(); });
  while (!signals.stop()) {
    int64_t due = start_watches(roots, options.fanotify_mend, outbox, clock.steady_ns());
    tell_roots(roots, options, told);
    if (options.each_turn) due = std::min(due, options.each_turn());
    SYNC_ASSIGN(const auto event, subscriber->next(wait_ms(due, clock.steady_ns())));
    if (!event) continue;
    event->kind == EventKind::cookie ? drop_cookie(roots, *event) : log_event_line(events, *event, clock.steady_ns());
    if (const auto line = status.take(*event); line && options.status) options.status(*line);
  }
  roots.clear();
  return {};
}

}  // namespace twsync
