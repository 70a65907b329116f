// twsync-monitor: watches the code side.

#include <algorithm>

#include "common/app/fanotify_right.h"
#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "producers/inotify/monitor.h"

namespace {

using namespace twsync;

Status serve(ServiceContext& service) {
  ZmqContext context;
  SystemClock clock;
  MonitorOptions options;
  options.endpoints = ipc_endpoints(service.config.runtime_dir);
  for (const auto& pair : service.config.pairs) {
    const bool wanted = service.pairs.empty() ||
                        std::find(service.pairs.begin(), service.pairs.end(), pair.name) != service.pairs.end();
    if (wanted) options.pairs.push_back(pair);
  }
  if (options.pairs.empty()) return Error{ErrorCode::usage, "no pair is configured: nothing to watch", {}, 0};
  options.version = TWSYNC_VERSION;
  options.fanotify_mend = fanotify_right_command(service.config.prefix);
  options.status = [](const std::string& line) { notify_status(line); };
  options.ready = [] { notify_ready("watching"); };
  Watchdog watchdog;
  options.each_turn = [&] { return watchdog.turn(clock.steady_ns()); };
  return run_monitor(context, options, service.signals);
}

}  // namespace

int main(int argc, char** argv) {
  return twsync::run_service(argc, argv,
                             {"twsync-monitor", "sync_monitor", "watches the code side and tells the broker"}, serve);
}
