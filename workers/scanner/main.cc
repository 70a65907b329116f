#include <algorithm>

#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "workers/connector.h"
#include "workers/dial/dial.h"
#include "workers/scanner/scanner_worker.h"
#include "workers/service_pairs.h"

int main(int argc, char** argv) {
  using namespace twsync;
  const ServiceDescription about{"twsync-scanner", "scanner",
                                 "scans both sides of each pair and watches the deploy side"};
  return run_service(argc, argv, about, [](ServiceContext& context) -> Status {
    ZmqContext zmq;
    SystemClock clock;
    SystemHostFacts host;
    ScannerOptions options;
    options.endpoints = ipc_endpoints(context.config.runtime_dir);
    options.pairs = service_pairs(context.config);
    options.sides = make_scan_sides({{}, dial_socket_of_unit()}, clock, host);
    options.version = TWSYNC_VERSION;
    WorkerPulse pulse(1);
    options.each_turn = [&](bool known) { return pulse.turn(0, known, clock.steady_ns()); };
    options.publish_hints = true;
    for (const auto& pair : context.config.pairs) {
      const bool wanted = context.pairs.empty() ||
                          std::find(context.pairs.begin(), context.pairs.end(), pair.name) != context.pairs.end();
      if (wanted) options.watched.push_back(pair.name);
    }
    ScannerWorker worker(zmq, clock, std::move(options));
    const OnStop on_stop(context.signals, [&] { worker.wake(); });
    return worker.run(context.signals.stop());
  });
}
