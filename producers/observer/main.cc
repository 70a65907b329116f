// twsync-observer: metrics, commands on events, alerts.

#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "common/base/clock.h"
#include "producers/observer/observer.h"

namespace {

using namespace twsync;

Status serve(ServiceContext& service) {
  ZmqContext context;
  SystemClock clock;
  ObserverOptions options;
  options.endpoints = ipc_endpoints(service.config.runtime_dir);
  options.pairs = service.config.pairs;
  options.metrics_port = service.config.settings.metrics_port;
  options.ready = [] { notify_ready("observing"); };
  const int64_t watchdog_ns = watchdog_interval_ms() * kMillisecond;
  int64_t next_watchdog = 0;
  options.each_turn = [&] {
    const int64_t now = clock.steady_ns();
    if (watchdog_ns == 0 || now < next_watchdog) return;
    next_watchdog = now + watchdog_ns;
    notify_watchdog();
  };
  return run_observer(context, options, service.signals.stop());
}

}  // namespace

int main(int argc, char** argv) {
  return run_service(argc, argv, {"twsync-observer", "observer", "metrics, commands on events, alerts"}, serve);
}
