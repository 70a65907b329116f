#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "workers/resolver/resolver_worker.h"
#include "workers/service_pairs.h"

int main(int argc, char** argv) {
  using namespace twsync;
  const ServiceDescription about{"twsync-resolver", "resolver", "plans and drives the cycles of each pair"};
  return run_service(argc, argv, about, [](ServiceContext& context) -> Status {
    ZmqContext zmq;
    SystemClock clock;
    ResolverOptions options;
    options.endpoints = ipc_endpoints(context.config.runtime_dir);
    options.pairs = service_pairs(context.config);
    options.version = TWSYNC_VERSION;
    WorkerPulse pulse(1);
    options.each_turn = [&](bool known) { return pulse.turn(0, known, clock.steady_ns()); };
    options.controller.live = true;
    AuditLog audit(context.config.log_dir + "/sync");
    options.controller.audit_log = &audit;
    ResolverWorker worker(zmq, clock, std::move(options));
    const OnStop on_stop(context.signals, [&] { worker.wake(); });
    return worker.run(context.signals.stop());
  });
}
