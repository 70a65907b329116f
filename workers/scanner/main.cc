#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "workers/connector.h"
#include "workers/scanner/scanner_worker.h"
#include "workers/service_pairs.h"

int main(int argc, char** argv) {
  using namespace twsync;
  const ServiceDescription about{"twsync-scanner", "scanner", "scans both sides of each pair and watches the deploy side"};
  return run_service(argc, argv, about, [](ServiceContext& context) -> Status {
    ZmqContext zmq;
    SystemClock clock;
    SystemHostFacts host;
    ScannerOptions options;
    options.endpoints = ipc_endpoints(context.config.runtime_dir);
    options.pairs = service_pairs(context.config);
    options.sides = make_scan_sides({}, clock, host);
    options.version = TWSYNC_VERSION;
    options.publish_hints = true;
    ScannerWorker worker(zmq, clock, std::move(options));
    notify_ready();
    return worker.run(context.signals.stop());
  });
}
