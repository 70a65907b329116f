// twsync-transfer: carries batches between the two sides of each pair, over as many sessions at a time as a pair asks
// for.

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "workers/connector.h"
#include "workers/dial/dial.h"
#include "workers/service_pairs.h"
#include "workers/transfer/transfer_worker.h"

namespace {

using namespace twsync;

uint32_t sessions_wanted(const Config& config) {
  uint32_t most = 1;
  for (const auto& pair : config.pairs) most = std::max(most, pair.transfer_workers);
  return std::min(most, 16U);
}

Status serve(ServiceContext& context) {
  ZmqContext zmq;
  SystemClock clock;
  std::vector<std::unique_ptr<TransferWorker>> workers;
  const uint32_t wanted = sessions_wanted(context.config);
  WorkerPulse pulse(wanted);
  for (uint32_t i = 0; i < wanted; ++i) {
    TransferWorkerOptions options;
    options.each_turn = [&pulse, &clock, i](bool known) { return pulse.turn(i, known, clock.steady_ns()); };
    SYNC_ASSIGN(auto worker, TransferWorker::open(
                                 zmq, ipc_endpoints(context.config.runtime_dir), clock, service_pairs(context.config),
                                 make_agent_connector({{}, dial_socket_of_unit()}), std::move(options)));
    workers.push_back(std::move(worker));
  }
  const OnStop on_stop(context.signals, [&] {
    for (const auto& worker : workers) worker->wake();
  });
  // One that fails takes the process along: systemd starts it anew as a whole.
  std::vector<Status> ends(workers.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < workers.size(); ++i) {
    threads.emplace_back([&, i] {
      ends[i] = workers[i]->run(context.signals.stop());
      context.signals.request_stop();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& end : ends) SYNC_TRY(end);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const ServiceDescription about{"twsync-transfer", "transfer", "carries batches between the two sides of each pair"};
  return run_service(argc, argv, about, serve);
}
