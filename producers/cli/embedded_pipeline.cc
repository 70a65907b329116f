#include "producers/cli/embedded_pipeline.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "broker/broker_loop.h"
#include "common/app/log.h"
#include "common/base/hasher.h"
#include "common/base/memory.h"
#include "common/base/text.h"
#include "workers/connector.h"
#include "workers/resolver/pair_opening.h"
#include "workers/resolver/resolver_worker.h"
#include "workers/scanner/scanner_worker.h"
#include "workers/transfer/transfer_worker.h"

namespace twsync {

namespace {

constexpr int kConnectMs = 5000;

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

Status add_workers(Crew& crew, ZmqContext& context, const BrokerEndpoints& endpoints, const PipelineOptions& options,
                   Clock& clock, HostFacts& host) {
  const PairLookup pairs = only(options.pair);
  ScannerOptions scanner;
  scanner.endpoints = endpoints;
  scanner.pairs = pairs;
  scanner.sides = make_scan_sides({options.agent_path, {}}, clock, host);
  scanner.version = options.version;
  crew.add(std::make_shared<ScannerWorker>(context, clock, std::move(scanner)));
  crew.add(std::make_shared<ResolverWorker>(context, clock,
                                            ResolverOptions{endpoints, pairs, options.version, options.controller}));
  for (uint32_t i = 0; i < std::max(options.pair.transfer_workers, 1U); ++i) {
    SYNC_ASSIGN(auto worker,
                TransferWorker::open(context, endpoints, clock, pairs, make_agent_connector({options.agent_path, {}})));
    crew.add(std::shared_ptr<TransferWorker>(std::move(worker)));
  }
  return {};
}

}  // namespace

// The workers go before the broker does: what they say last is still heard and journaled.
struct EmbeddedPipeline::Impl {
  ZmqContext context;
  BrokerEndpoints endpoints = inproc_endpoints("embedded");
  Crew broker;
  Crew workers;
};

EmbeddedPipeline::EmbeddedPipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EmbeddedPipeline::~EmbeddedPipeline() = default;

Result<std::unique_ptr<EmbeddedPipeline>> EmbeddedPipeline::start(PipelineOptions options, Clock& clock,
                                                                  HostFacts& host) {
  keep_freed_memory();
  auto impl = std::make_unique<Impl>();
  SYNC_ASSIGN(auto broker, open_broker(impl->context, impl->endpoints, options.pair, clock));
  impl->broker.add(std::shared_ptr<Broker>(std::move(broker)));
  SYNC_TRY(add_workers(impl->workers, impl->context, impl->endpoints, options, clock, host));
  return std::unique_ptr<EmbeddedPipeline>(new EmbeddedPipeline(std::move(impl)));
}

Result<std::unique_ptr<BrokerClient>> EmbeddedPipeline::connect() {
  return BrokerClient::connect(impl_->context, impl_->endpoints, kConnectMs);
}

std::optional<Error> EmbeddedPipeline::failure() {
  return impl_->workers.failure();
}

}  // namespace twsync
