// twsync sync

#include <algorithm>

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

PrinterOptions printer_options(const CliContext& context, const SyncCommand& command, SystemClock& clock) {
  PrinterOptions options;
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

/// A run as a person and the log see it, whoever carries it out.
Result<int> show_run(CliContext& context, const SyncCommand& command, const std::string& pair,
                     const std::function<Result<Summary>(const EventSink&)>& run) {
  SystemClock clock;
  const auto printer = make_printer(printer_options(context, command, clock), context.out);
  log_info("sync of ", pair, " (", to_string(command.direction), command.dry_run ? ", dry run" : "", ") begins");
  auto summary = run([&](const Event& event) {
    log_event(event);
    printer->event(event);
  });
  if (!summary) {
    log_error("sync of ", pair, ": ", describe(summary.error()));
    if (!command.json) return std::move(summary).error();
    Summary failed;
    failed.error = summary.error();
    summary = failed;
  }
  if (command.no_wait && summary->error.code == ErrorCode::ok) {
    if (!command.json && !command.quiet) context.out("the service has it\n");
    return kExitDone;
  }
  log_summary(pair, *summary);
  return end_of_run(context, *printer, *summary, command.json);
}

Result<int> sync_here(CliContext& context, const SyncCommand& command, PairConfig pair) {
  const bool configured = context.config.find(pair.name) != nullptr;
  if (const std::string why = command.from_cron && configured ? not_cron_s_turn(context.config, pair) : "";
      !why.empty()) {
    log_info("cron leaves ", pair.name, " alone: ", why);
    return kExitDone;
  }
  if (configured) SYNC_TRY(check_not_deploy_server(context.config, pair.deploy));
  SYNC_TRY(prepare_pair(context.config, pair));
  std::vector<std::string> paths;
  for (const auto& path : command.paths) {
    SYNC_ASSIGN(paths.emplace_back(), relative_argument(path, pair.code_path));
  }
  if (!configured) SYNC_TRY(remember_pair(context.config, pair));
  SYNC_TRY(make_private_directory(context.config.state_dir));
  return show_run(context, command, pair.name, [&](const EventSink& on_event) {
    RunnerOptions options;
    options.wait = !command.no_wait;
    return run_request(context, pair, sync_request(command, context.config.overrides, paths), options, on_event);
  });
}

Result<int> sync_there(CliContext& context, const SyncCommand& command, const WayBack& way) {
  std::vector<std::string> paths;
  for (const auto& path : command.paths) {
    SYNC_ASSIGN(paths.emplace_back(), relative_argument(path, way.deploy_path));
  }
  return show_run(context, command, way.pair, [&](const EventSink& on_event) -> Result<Summary> {
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
  });
}

}  // namespace

Result<int> run_sync(CliContext& context, const SyncCommand& command) {
  SYNC_ASSIGN(const auto led, asked_for(context, command));
  open_sync_log(context.config, command.from_cron);
  const size_t count = led.here.size() + led.there.size();
  int worst = kExitDone;
  const auto note = [&](const std::string& name, const Result<int>& code) {
    if (!code) context.err(str("twsync: pair ", name, ": ", describe(code.error()), "\n"));
    worst = std::max(worst, code ? *code : exit_code(code.error().code));
  };
  for (const auto& pair : led.here) {
    auto code = sync_here(context, command, pair);
    if (count == 1) return code;
    note(pair.name, code);
    if (context.stop) return worst;
  }
  for (const auto& way : led.there) {
    auto code = sync_there(context, command, way);
    if (count == 1) return code;
    note(way.name, code);
    if (context.stop) return worst;
  }
  return worst;
}

}  // namespace twsync
