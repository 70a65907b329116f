#include "producers/cli/request_runner.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "common/app/exit_codes.h"
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

/// Who is logged in, also behind sudo.
std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  const std::string name = user != nullptr ? user->pw_name : str("uid ", ::geteuid());
  const char* behind = std::getenv("SUDO_USER");
  return behind != nullptr && *behind != '\0' ? str(behind, " (sudo ", name, ")") : name;
}

Error not_served(const std::string& pair) {
  return Error{ErrorCode::unreachable,
               str("no service serves the pair ", pair,
                   " on the code server: start it there (systemctl start sutazai-sync-monitor.service)"),
               {},
               0};
}

/// A person who may not write the installation's log has an own one.
std::string audit_directory(const Config& config) {
  const std::string shared = config.log_dir + "/sync";
  if (config.prefix.empty() || ::access(shared.c_str(), W_OK) == 0) return shared;
  return config.state_dir + "/logs/sync";
}

Error logs_in_itself(const std::string& pair) {
  return Error{ErrorCode::usage,
               str("the service syncs the pair ", pair,
                   " and logs in as its configuration says: leave --ssh-port, --ssh-key and --known-hosts out, set "
                   "SSH_PORT and SSH_KEY there, or stop the service first"),
               {},
               0};
}

}  // namespace

Request sync_request(const SyncCommand& command, const Overrides& overrides, std::vector<std::string> paths) {
  Request request;
  request.kind = RequestKind::sync;
  request.source = command.from_cron ? HintSource::cron : HintSource::manual;
  request.direction = command.direction;
  request.dry_run = command.dry_run;
  request.list_operations = command.dry_run || command.json;
  request.paths = std::move(paths);
  request.policy = overrides.policy;
  request.exclude = overrides.exclude;
  return request;
}

Result<Summary> run_request(CliContext& context, const PairConfig& pair, Request request, const RunnerOptions& options,
                            const std::function<void(const Event&)>& on_event) {
  request.id = random_hex(16);
  request.asked_by = context.forced ? "the deploy server" : user_name();
  request.pair = pair.name;
  auto broker = open_broker(context.config, kConnectMs);
  if (broker.ok() && (*broker)->serves(pair.name)) {
    if (options.own_login) return logs_in_itself(pair.name);
    SYNC_TRY((*broker)->client->request(request, kAnswerMs));
    if (!options.wait) return Summary{};
    return follow(context, **broker, on_event);
  }
  if (context.forced) return not_served(pair.name);
  if (!options.wait) {
    return Error{
        ErrorCode::usage,
        str("no service serves the pair ", pair.name, ", so that nothing would go on with it: leave --no-wait out"),
        {},
        0};
  }
  EmbeddedOptions embedded;
  embedded.pair = pair;
  embedded.request = std::move(request);
  embedded.agent_path = context.agent_path;
  embedded.version = TWSYNC_VERSION;
  embedded.audit_directory = audit_directory(context.config);
  return context.run_embedded(embedded, on_event, context.stop);
}

int end_of_run(CliContext& context, EventPrinter& printer, const Summary& summary, bool json) {
  printer.summary(summary);
  if (!json && summary.error.code != ErrorCode::ok) context.err(str("twsync: ", complaint(summary.error), "\n"));
  return summary_exit_code(summary);
}

}  // namespace twsync
