// twsync-broker: takes hints and requests, journals them, assigns work, publishes progress.

#include <unistd.h>

#include <algorithm>

#include "broker/broker_loop.h"
#include "broker/members.h"
#include "common/app/log.h"
#include "common/app/notify.h"
#include "common/app/run_main.h"
#include "common/base/hasher.h"

namespace {

using namespace twsync;

void log_line(BrokerSeverity severity, std::string_view text) {
  const LogLevel level = severity == BrokerSeverity::info      ? LogLevel::info
                         : severity == BrokerSeverity::warning ? LogLevel::warn
                                                               : LogLevel::error;
  write_log(level, text);
}

BrokerOptions options_of(const ServiceContext& service) {
  BrokerOptions options;
  options.endpoints = ipc_endpoints(service.config.runtime_dir);
  options.core.queue_path = service.config.state_dir + "/queue.db";
  for (const PairConfig& pair : service.config.pairs) {
    const bool wanted = service.pairs.empty() ||
                        std::find(service.pairs.begin(), service.pairs.end(), pair.name) != service.pairs.end();
    if (wanted) options.core.pairs.push_back(pair.name);
  }
  // Who commits need not be root: the package makes this group, and its members may publish.
  const auto group = group_id("twsync");
  if (group && (::geteuid() == 0 || ::getegid() == *group)) options.allow_gid = group;
  random_bytes(&options.core.seed, sizeof options.core.seed);
  options.core.log = log_line;
  return options;
}

Status serve(ServiceContext& service) {
  ZmqContext context;
  SystemClock clock;
  SYNC_ASSIGN(auto broker, Broker::open(context, options_of(service), clock));
  notify_ready();
  Watchdog watchdog;
  const OnStop on_stop(service.signals, [&] { broker->wake(); });
  return broker->run(service.signals.stop(), [&] { return watchdog.turn(clock.steady_ns()); });
}

}  // namespace

int main(int argc, char** argv) {
  return run_service(argc, argv, {"twsync-broker", "broker", "takes hints and requests, journals them, assigns work"},
                     serve);
}
