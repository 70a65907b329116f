// twsync-transfer: carries batches between the two sides of each pair.

#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "workers/connector.h"
#include "workers/service_pairs.h"
#include "workers/transfer/transfer_worker.h"

int main(int argc, char** argv) {
  using namespace twsync;
  const ServiceDescription about{"twsync-transfer", "transfer", "carries batches between the two sides of each pair"};
  return run_service(argc, argv, about, [](ServiceContext& context) -> Status {
    ZmqContext zmq;
    SystemClock clock;
    SYNC_ASSIGN(auto worker, TransferWorker::open(zmq, ipc_endpoints(context.config.runtime_dir), clock,
                                                  service_pairs(context.config), make_agent_connector({})));
    notify_ready();
    return worker->run(context.signals.stop());
  });
}
