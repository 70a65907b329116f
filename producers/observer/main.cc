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
  Watchdog watchdog;
  options.each_turn = [&] { return watchdog.turn(clock.steady_ns()); };
  return run_observer(context, options, service.signals);
}

}  // namespace

int main(int argc, char** argv) {
  return run_service(argc, argv, {"twsync-observer", "observer", "metrics, commands on events, alerts"}, serve);
}
