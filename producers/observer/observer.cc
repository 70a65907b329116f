#include "producers/observer/observer.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "common/app/log.h"
#include "common/app/staleness.h"
#include "common/zmq/subscriber.h"
#include "producers/observer/event_commands.h"
#include "producers/observer/metrics_server.h"

namespace twsync {

namespace {

constexpr int64_t kRestNs = 60 * kSecond;  // STALE_MINUTES is no less
constexpr int64_t kBusyNs = 10 * kSecond;  // something waits: it may go stale
constexpr int64_t kRetryNs = 2 * kSecond;
constexpr int64_t kSettleNs = kSecond;  // workers come and go together
constexpr int kAnswerMs = 2000;

bool is_at_rest(const PairHealth& pair) {
  const PairStatus& status = pair.status;
  return !pair.stale && status.missing.empty() && status.hints_waiting == 0 && status.requests_waiting == 0 &&
         (status.state.empty() || status.state == "idle");
}

/// A scrape shows the broker's answer of now: its thread has the loop ask, and waits.
class ScrapeLooks {
 public:
  explicit ScrapeLooks(std::function<void()> wake) : wake_(std::move(wake)) {}
  /// Any thread but the loop's. Returns when there was a look, or none will be in time.
  void ask() {
    std::unique_lock lock(mutex_);
    const uint64_t mine = ++asked_;
    wake_();
    changed_.wait_for(lock, std::chrono::milliseconds(kAnswerMs), [&] { return looked_ >= mine || over_; });
  }
  /// For the loop: those that wait now; 0 = nobody.
  uint64_t waiting() {
    const std::lock_guard lock(mutex_);
    return asked_ > looked_ ? asked_ : 0;
  }
  /// A look that began when waiting() said `asked` is over.
  void looked(uint64_t asked) {
    const std::lock_guard lock(mutex_);
    looked_ = std::max(looked_, asked);
    changed_.notify_all();
  }
  /// The loop is about to end.
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t asked_ = 0, looked_ = 0;
  bool over_ = false;
};

/// Asks the broker how the pairs stand; journals what became stale and what no longer is.
class HealthWatch {
 public:
  HealthWatch(ZmqContext& context, const ObserverOptions& options) : context_(context), options_(options) {
    // Nobody knows better before the broker has said when it was last done.
    for (const auto& pair : options.pairs) last_done_ns_[pair.name] = clock_.wall_ns();
  }

  /// Returns when to look again.
  int64_t look(Metrics& metrics) {
    auto reply = ask();
    std::vector<PairHealth> healths;
    for (const auto& pair : options_.pairs) {
      PairHealth health;
      health.status.pair = pair.name;
      const PairStatus* served = nullptr;
      if (reply) {
        for (const auto& status : reply->pairs) {
          if (status.pair == pair.name) served = &status;
        }
      }
      if (served != nullptr) {
        health.status = *served;
        if (served->last_done_ns != 0) last_done_ns_[pair.name] = served->last_done_ns;
      }
      health.stale = is_stale(served, last_done_ns_[pair.name], pair.stale_minutes, clock_.wall_ns());
      tell(pair.name, health);
      healths.push_back(std::move(health));
    }
    const bool answered = reply.has_value();
    const int64_t next = next_look_ns(healths, answered, clock_.steady_ns());
    metrics.take(answered, std::move(healths), answered ? std::move(reply->workers) : std::vector<WorkerStatus>{});
    return next;
  }

 private:
  std::optional<StatusReply> ask() {
    if (!client_) {
      auto connected = BrokerClient::connect(context_, options_.endpoints, kAnswerMs);
      if (!connected) return std::nullopt;
      client_ = std::move(connected).value();
    }
    auto reply = client_->status({"", "observer", static_cast<uint32_t>(::getpid()), TWSYNC_VERSION}, kAnswerMs);
    if (reply) return std::move(reply).value();
    client_.reset();
    return std::nullopt;
  }

  void tell(const std::string& pair, const PairHealth& health) {
    bool& was = stale_[pair];
    if (health.stale == was) return;
    was = health.stale;
    if (health.stale) {
      const PairStatus& status = health.status;
      log_error(pair, ": STALE: ",
                status.missing_ms > kMissingGraceMs ? str("the ", status.missing, " is missing")
                                                    : "what waits was not synced for too long",
                health.status.last_error.empty() ? "" : ", last error: ", escape_bytes(health.status.last_error),
                "; twsync status ", pair, " and twsync doctor ", pair, " say more");
    } else {
      log_info(pair, ": not stale any more");
    }
  }

  ZmqContext& context_;
  const ObserverOptions& options_;
  SystemClock clock_;
  std::unique_ptr<BrokerClient> client_;
  std::map<std::string, bool> stale_;
  std::map<std::string, int64_t> last_done_ns_;
};

std::vector<std::string> names_of(const std::vector<PairConfig>& pairs) {
  std::vector<std::string> out;
  for (const auto& pair : pairs) out.push_back(pair.name);
  return out;
}

std::vector<std::unique_ptr<EventCommands>> commands_of(const std::vector<PairConfig>& pairs) {
  std::vector<std::unique_ptr<EventCommands>> out;
  for (const auto& pair : pairs) {
    if (!pair.post_sync_command.empty() || !pair.on_conflict_command.empty())
      out.push_back(std::make_unique<EventCommands>(pair, run_program));
  }
  return out;
}

int wait_ms(int64_t until, int64_t now) {
  return static_cast<int>(std::max<int64_t>((until - now) / kMillisecond + 1, 0));
}

}  // namespace

int64_t next_look_ns(const std::vector<PairHealth>& pairs, bool answered, int64_t now_ns) {
  if (!answered) return now_ns + kRetryNs;
  return now_ns + (std::all_of(pairs.begin(), pairs.end(), is_at_rest) ? kRestNs : kBusyNs);
}

Status run_observer(ZmqContext& context, const ObserverOptions& options, Signals& signals) {
  Metrics metrics(names_of(options.pairs));
  SYNC_ASSIGN(const auto subscriber, BrokerSubscriber::connect(context, options.endpoints));
  ScrapeLooks scrapes([&subscriber] { subscriber->wake(); });
  std::unique_ptr<MetricsServer> server;
  if (options.metrics_port != 0) {
    const auto families = [&metrics, &scrapes] {
      scrapes.ask();
      return metrics.families();
    };
    SYNC_ASSIGN(server, MetricsServer::start(options.metrics_port, families));
  }
  const auto commands = commands_of(options.pairs);
  HealthWatch health(context, options);
  SystemClock clock;
  int64_t next_look = 0;
  if (options.ready) options.ready();
  const OnStop on_stop(signals, [&] { subscriber->wake(); });
  while (!signals.stop()) {
    int64_t due = options.each_turn ? options.each_turn() : INT64_MAX;
    const uint64_t asked = scrapes.waiting();
    if (asked != 0 || clock.steady_ns() >= next_look) {
      next_look = health.look(metrics);
      scrapes.looked(asked);
    }
    due = std::min(due, next_look);
    SYNC_ASSIGN(const auto event, subscriber->next(wait_ms(due, clock.steady_ns())));
    if (!event) continue;
    if (event->kind == EventKind::workers) next_look = std::min(next_look, clock.steady_ns() + kSettleNs);
    metrics.take(*event);
    for (const auto& one : commands) one->take(*event);
  }
  scrapes.end();
  return {};
}

}  // namespace twsync
