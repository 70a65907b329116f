#include "producers/cli/request_runner.h"

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "producers/cli/broker_access.h"

namespace twsync {

namespace {

constexpr int kConnectMs = 2000;
constexpr int kAnswerMs = 10'000;

Result<Summary> follow(CliContext& context, BrokerAccess& broker, const std::function<void(const Event&)>& on_event) {
  for (;;) {
    if (context.stop) {
      return Error{ErrorCode::cancelled,
                   "stopped watching; the service goes on with it (twsync status shows how far it is)",
                   {},
                   0};
    }
    SYNC_ASSIGN(auto event, broker.client->next_event(200));
    if (!event) continue;
    if (event->kind == EventKind::summary && event->summary) return *event->summary;
    on_event(*event);
  }
}

}  // namespace

Result<Summary> run_request(CliContext& context, const PairConfig& pair, Request request, const RunnerOptions& options,
                            const std::function<void(const Event&)>& on_event) {
  request.id = random_hex(16);
  request.pair = pair.name;
  auto broker = open_broker(context.config, kConnectMs);
  if (broker.ok() && (*broker)->serves(pair.name)) {
    SYNC_TRY((*broker)->client->request(request, kAnswerMs));
    if (!options.wait) return Summary{};
    return follow(context, **broker, on_event);
  }
  if (!options.wait) {
    return Error{
        ErrorCode::usage,
        str("no service serves the pair ", pair.name, ", so that nothing would go on with it: leave --no-wait out"),
        {},
        0};
  }
  if (!context.run_embedded) return Error{ErrorCode::unsupported, "this program cannot sync without a service", {}, 0};
  EmbeddedOptions embedded;
  embedded.pair = pair;
  embedded.request = std::move(request);
  embedded.agent_path = context.agent_path;
  embedded.version = TWSYNC_VERSION;
  return context.run_embedded(embedded, on_event, context.stop);
}

int end_of_run(CliContext& context, EventPrinter& printer, const Summary& summary, bool json) {
  printer.summary(summary);
  if (!json && summary.error.code != ErrorCode::ok) context.err(str("twsync: ", describe(summary.error), "\n"));
  return summary_exit_code(summary);
}

}  // namespace twsync
