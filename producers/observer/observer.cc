#include "producers/observer/observer.h"

#include <unistd.h>

#include <map>
#include <memory>

#include "common/app/log.h"
#include "common/app/staleness.h"
#include "common/zmq/subscriber.h"
#include "producers/observer/event_commands.h"
#include "producers/observer/metrics.h"
#include "producers/observer/metrics_server.h"

namespace twsync {

namespace {

constexpr int64_t kLookEveryNs = 10 * kSecond;
constexpr int64_t kRetryNs = 2 * kSecond;
constexpr int kAnswerMs = 2000;

/// Asks the broker how the pairs stand; journals what became stale and what no longer is.
class HealthWatch {
 public:
  HealthWatch(ZmqContext& context, const ObserverOptions& options) : context_(context), options_(options) {
    // Nobody knows better before the broker has said when it was last done.
    for (const auto& pair : options.pairs) last_done_ns_[pair.name] = clock_.wall_ns();
  }

  /// False: the broker does not answer.
  bool look(Metrics& metrics) {
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
    metrics.take(answered, std::move(healths), answered ? std::move(reply->workers) : std::vector<WorkerStatus>{});
    return answered;
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

}  // namespace

Status run_observer(ZmqContext& context, const ObserverOptions& options, const std::atomic<bool>& stop) {
  Metrics metrics(names_of(options.pairs));
  std::unique_ptr<MetricsServer> server;
  if (options.metrics_port != 0) {
    SYNC_ASSIGN(server, MetricsServer::start(options.metrics_port, [&metrics] { return metrics.families(); }));
  }
  std::vector<std::unique_ptr<EventCommands>> commands;
  for (const auto& pair : options.pairs) {
    if (pair.post_sync_command.empty() && pair.on_conflict_command.empty()) continue;
    commands.push_back(std::make_unique<EventCommands>(pair, run_program));
  }
  SYNC_ASSIGN(const auto subscriber, BrokerSubscriber::connect(context, options.endpoints));
  HealthWatch health(context, options);
  SystemClock clock;
  int64_t next_look = 0;
  if (options.ready) options.ready();
  while (!stop) {
    if (options.each_turn) options.each_turn();
    if (clock.steady_ns() >= next_look) {
      const bool answered = health.look(metrics);
      next_look = clock.steady_ns() + (answered ? kLookEveryNs : kRetryNs);
    }
    SYNC_ASSIGN(const auto event, subscriber->next(500));
    if (!event) continue;
    metrics.take(*event);
    for (const auto& one : commands) one->take(*event);
  }
  return {};
}

}  // namespace twsync
