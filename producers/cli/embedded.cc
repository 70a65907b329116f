#include "producers/cli/embedded.h"

#include <memory>
#include <thread>
#include <vector>

#include "broker/broker_loop.h"
#include "common/app/log.h"
#include "common/base/hasher.h"
#include "common/base/text.h"
#include "workers/connector.h"
#include "workers/resolver/pair_opening.h"
#include "workers/resolver/resolver_worker.h"
#include "workers/scanner/scanner_worker.h"
#include "workers/transfer/transfer_worker.h"

namespace twsync {

namespace {

constexpr int kConnectMs = 5000;
constexpr int kRequestMs = 10'000;

/// A role on its own thread; the first failure of any ends the run.
class Crew {
 public:
  /// `Role`: run(stop) until the flag is set, and wake() to make it look at once.
  template <class Role>
  void add(std::shared_ptr<Role> role) {
    wakers_.emplace_back([held = std::weak_ptr<Role>(role)] {
      if (const auto alive = held.lock()) alive->wake();
    });
    threads_.emplace_back([this, role = std::move(role)]() {
      const Status status = role->run(stop_);
      if (!status.ok()) fail(status.error());
    });
  }
  void stop() {
    stop_ = true;
    for (const auto& wake : wakers_) wake();
    for (auto& t : threads_) t.join();
    threads_.clear();
    wakers_.clear();
  }
  std::optional<Error> failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  ~Crew() { stop(); }

 private:
  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::optional<Error> failure_;
  std::vector<std::function<void()>> wakers_;
  std::vector<std::thread> threads_;
};

PairLookup only(const PairConfig& pair) {
  return [pair](const std::string& name) -> std::optional<PairConfig> {
    if (name != pair.name) return std::nullopt;
    return pair;
  };
}

Result<std::unique_ptr<Broker>> open_broker(ZmqContext& context, const BrokerEndpoints& endpoints,
                                            const PairConfig& pair, Clock& clock) {
  SYNC_TRY(make_state_directory(pair.state_dir));
  BrokerOptions options;
  options.endpoints = endpoints;
  options.core.queue_path = pair.state_dir + "/queue.db";
  options.core.pairs = {pair.name};
  options.core.seed = stable_hash64(random_hex(8));
  options.core.log = [](BrokerSeverity severity, std::string_view text) {
    write_log(severity == BrokerSeverity::error ? LogLevel::error : LogLevel::debug, text);
  };
  return Broker::open(context, std::move(options), clock);
}

Status add_workers(Crew& crew, ZmqContext& context, const BrokerEndpoints& endpoints, const EmbeddedOptions& options,
                   Clock& clock, HostFacts& host) {
  const PairLookup pairs = only(options.pair);
  ScannerOptions scanner;
  scanner.endpoints = endpoints;
  scanner.pairs = pairs;
  scanner.sides = make_scan_sides(options.agent_path, clock, host);
  scanner.version = options.version;
  crew.add(std::make_shared<ScannerWorker>(context, clock, std::move(scanner)));
  crew.add(std::make_shared<ResolverWorker>(context, clock, ResolverOptions{endpoints, pairs, options.version, {}}));
  for (uint32_t i = 0; i < std::max(options.pair.transfer_workers, 1U); ++i) {
    SYNC_ASSIGN(auto worker,
                TransferWorker::open(context, endpoints, clock, pairs, make_agent_connector(options.agent_path)));
    crew.add(std::shared_ptr<TransferWorker>(std::move(worker)));
  }
  return {};
}

Result<Summary> follow(BrokerClient& client, Crew& crew, const std::function<void(const Event&)>& on_event,
                       const std::atomic<bool>& stop) {
  for (;;) {
    if (stop) return Error{ErrorCode::cancelled, "stopped before the end; run it again to go on from here", {}, 0};
    if (auto failure = crew.failure()) return std::move(*failure);
    SYNC_ASSIGN(auto event, client.next_event(200));
    if (!event) continue;
    if (event->kind == EventKind::summary && event->summary) {
      // That a worker is gone says less than why it went.
      if (auto failure = crew.failure(); failure && event->summary->error.code != ErrorCode::ok)
        event->summary->error = std::move(*failure);
      on_event(*event);
      return std::move(*event->summary);
    }
    on_event(*event);
  }
}

}  // namespace

Result<Summary> run_embedded(const EmbeddedOptions& options, const std::function<void(const Event&)>& on_event,
                             std::atomic<bool>& stop) {
  ZmqContext context;
  SystemClock clock;
  SystemHostFacts own;
  HostFacts& host = options.host != nullptr ? *options.host : own;
  const BrokerEndpoints endpoints = inproc_endpoints("embedded");
  SYNC_ASSIGN(auto broker, open_broker(context, endpoints, options.pair, clock));
  Crew broker_crew;
  broker_crew.add(std::shared_ptr<Broker>(std::move(broker)));
  // The workers go before the broker does: what they say last is still heard and journaled.
  Crew workers;
  SYNC_TRY(add_workers(workers, context, endpoints, options, clock, host));
  SYNC_ASSIGN(auto client, BrokerClient::connect(context, endpoints, kConnectMs));
  SYNC_TRY(client->request(options.request, kRequestMs));
  auto result = follow(*client, workers, on_event, stop);
  client.reset();
  workers.stop();
  broker_crew.stop();
  return result;
}

}  // namespace twsync
