// twsync sync

#include <algorithm>
#include <memory>

#include "common/app/exit_codes.h"
#include "common/app/log.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/rel_path.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/code_server.h"
#include "producers/cli/context.h"
#include "producers/cli/forced_words.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/request_runner.h"
#include "producers/cli/sync_log.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

constexpr int64_t kLoginMs = 15'000;

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

/// Whom the command line means, and who leads it.
Result<Led> asked_for(const CliContext& context, const SyncCommand& command) {
  const Config& config = context.config;
  if (command.where.size() == 2) {
    Led out;
    SYNC_ASSIGN(PairConfig pair, ad_hoc_pair(config, command.where[0], command.where[1]));
    SYNC_TRY(prepare_pair(config, pair));
    out.here.push_back(prefer_configured(config, std::move(pair)));
    return out;
  }
  const std::string name = command.where.empty() ? "" : command.where[0];
  if (name.find_first_of("/:") != std::string::npos) {
    return usage(str("'", escape_bytes(name), "' is no name of a pair: give PAIR, or DIR and TARGET"));
  }
  SYNC_ASSIGN(auto out, select_led(context, name, false));
  if (out.here.empty() && out.there.empty())
    return usage("no pair is configured here: give DIR and TARGET, or --config FILE");
  return out;
}

/// Cron repeats what was begun on purpose: why it leaves the pair alone, or "".
std::string not_cron_s_turn(const Config& config, const PairConfig& pair) {
  const auto leads = check_not_deploy_server(config, pair.deploy);
  if (!leads) return leads.error().message;
  return was_synced(pair)
             ? ""
             : "it was never synced: look at twsync sync --dry-run, then sync it once, or start the service";
}

PrinterOptions printer_options(const CliContext& context, const SyncCommand& command, const std::string& pair,
                               SystemClock& clock) {
  PrinterOptions options;
  options.pair = pair;
  options.json = command.json;
  options.quiet = command.quiet;
  options.dry_run = command.dry_run;
  options.terminal = context.terminal;
  options.colours = context.colours;
  options.columns = context.columns;
  options.now_ns = [&clock] { return clock.steady_ns(); };
  return options;
}

using EventSink = std::function<void(const Event&)>;

/// JSON ends in a summary, whatever happened.
Result<int> failed(CliContext& context, const SyncCommand& command, const std::string& pair, Error error) {
  if (!command.json) return error;
  Summary summary;
  summary.dry_run = command.dry_run;
  summary.error = std::move(error);
  make_json_printer(context.out, pair)->summary(summary);
  return summary_exit_code(summary);
}

using EventSink = std::function<void(const Event&)>;

/// A run as a person and the log see it, whoever carries it out.
Result<int> show_run(CliContext& context, const SyncCommand& command, const std::string& pair,
                     const std::function<Result<Summary>(const EventSink&)>& run) {
  SystemClock clock;
  const auto printer = make_printer(printer_options(context, command, pair, clock), context.out);
  log_info("sync of ", pair, " (", to_string(command.direction), command.dry_run ? ", dry run" : "", ") begins");
  auto summary = run([&](const Event& event) {
    log_event(event);
    printer->event(event);
  });
  if (!summary) {
    log_error("sync of ", pair, ": ", describe(summary.error()));
    return failed(context, command, pair, std::move(summary).error());
  }
  if (command.no_wait && summary->error.code == ErrorCode::ok) {
    if (!command.json && !command.quiet) context.out("the service has it\n");
    return kExitDone;
  }
  log_summary(pair, *summary);
  printer->summary(*summary);
  if (!command.json && summary->error.code != ErrorCode::ok) return summary->error;
  return summary_exit_code(*summary);
}

/// An own port, key or known hosts: the service that serves a pair logs in its own way.
bool has_own_login(const Overrides& overrides) {
  return overrides.ssh_port || !overrides.ssh_key.empty() || !overrides.known_hosts.empty();
}

Result<Summary> run_here(CliContext& context, const SyncCommand& command, PairConfig pair, const EventSink& on_event) {
  const bool configured = context.config.find(pair.name) != nullptr;
  if (configured) SYNC_TRY(check_not_deploy_server(context.config, pair.deploy));
  SYNC_TRY(prepare_pair(context.config, pair));
  std::vector<std::string> paths;
  for (const auto& path : command.paths) {
    SYNC_ASSIGN(paths.emplace_back(), relative_argument(path, pair.code_path));
  }
  if (!configured) SYNC_TRY(remember_pair(context.config, pair));
  SYNC_TRY(make_private_directory(context.config.state_dir));
  RunnerOptions options;
  options.wait = !command.no_wait;
  options.own_login = has_own_login(context.config.overrides);
  return run_request(context, pair, sync_request(command, context.config.overrides, paths), options, on_event);
}

Result<int> sync_here(CliContext& context, const SyncCommand& command, const PairConfig& pair) {
  const bool cron = command.from_cron && context.config.find(pair.name) != nullptr;
  if (const std::string why = cron ? not_cron_s_turn(context.config, pair) : ""; !why.empty()) {
    log_info("cron leaves ", pair.name, " alone: ", why);
    if (command.json) make_json_printer(context.out, pair.name)->summary(Summary{});
    return kExitDone;
  }
  return show_run(context, command, pair.name,
                  [&](const EventSink& on_event) { return run_here(context, command, pair, on_event); });
}

Result<Summary> run_there(CliContext& context, const SyncCommand& command, const WayBack& way,
                          const EventSink& on_event) {
  std::vector<std::string> paths;
  for (const auto& path : command.paths) {
    SYNC_ASSIGN(paths.emplace_back(), relative_argument(path, way.deploy_path));
  }
  SYNC_ASSIGN(const auto code, CodeServer::open(way, kLoginMs));
  std::optional<Summary> summary;
  const AnswerSinks sinks{[&](const Event& event) {
                            if (event.kind == EventKind::summary) {
                              summary = event.summary;
                            } else {
                              on_event(event);
                            }
                          },
                          context.out, context.err};
  const auto ended = code->ask(sync_words(command, context.config.overrides, paths), sinks, context.stop);
  if (!ended) return ended.error();
  if (!summary && !command.no_wait)
    return Error{ErrorCode::peer_violation, str(way.code.host, ": it ended without a summary"), {}, 0};
  return summary.value_or(Summary{});
}

Result<int> sync_there(CliContext& context, const SyncCommand& command, const WayBack& way) {
  return show_run(context, command, way.pair,
                  [&](const EventSink& on_event) { return run_there(context, command, way, on_event); });
}

/// What one of several runs says stands below its name; one that says nothing has no heading.
TextSink under_heading(const TextSink& out, const std::string& pair) {
  return [out, pair, said = std::make_shared<bool>(false)](std::string_view text) {
    if (!*said) out(str("pair ", pair, ":\n"));
    *said = true;
    out(text);
  };
}

}  // namespace

Result<int> run_sync(CliContext& context, const SyncCommand& command) {
  const auto led = asked_for(context, command);
  if (!led) return failed(context, command, command.where.size() == 1 ? command.where[0] : "", led.error());
  open_sync_log(context.config, command.from_cron);
  const auto& skipped = context.config.misconfigured;
  const bool all = command.where.empty();
  const bool one = led->here.size() + led->there.size() + (all ? skipped.size() : 0) == 1;
  int worst = kExitDone;
  const auto each = [&](const std::string& name, const auto& run) -> Result<int> {
    if (one) return run(context);
    if (context.stop) return worst;
    CliContext own = context;
    if (!command.json) own.out = under_heading(context.out, name);
    const Result<int> code = run(own);
    if (!code) context.err(str("twsync: pair ", name, ": ", complaint(code.error()), "\n"));
    worst = std::max(worst, code ? *code : exit_code(code.error().code));
    return worst;
  };
  Result<int> last = kExitDone;
  if (all && !skipped.empty()) {
    for (const auto& pair : skipped)
      context.err(str("twsync: pair ", pair.name, ": ", complaint(context.config.why_not(pair.name)), "\n"));
    worst = kExitRemains;
  }
  for (const auto& pair : led->here)
    last = each(pair.name, [&](CliContext& own) { return sync_here(own, command, pair); });
  for (const auto& way : led->there)
    last = each(way.name, [&](CliContext& own) { return sync_there(own, command, way); });
  return last;
}

}  // namespace twsync
