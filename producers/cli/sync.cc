// twsync sync

#include <algorithm>

#include "common/app/exit_codes.h"
#include "common/app/log.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/rel_path.h"
#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/request_runner.h"
#include "producers/cli/sync_log.h"

namespace twsync {

namespace {

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

Result<std::vector<PairConfig>> pairs_of(const Config& config, const SyncCommand& command) {
  std::vector<PairConfig> out;
  if (command.where.size() == 2) {
    SYNC_ASSIGN(PairConfig pair, ad_hoc_pair(config, command.where[0], command.where[1]));
    SYNC_TRY(prepare_pair(config, pair));
    out.push_back(prefer_configured(config, std::move(pair)));
    return out;
  }
  if (command.where.size() == 1) {
    const std::string& name = command.where[0];
    if (name.find_first_of("/:") != std::string::npos) {
      return usage(str("'", escape_bytes(name), "' is no name of a pair: give PAIR, or DIR and TARGET"));
    }
    SYNC_ASSIGN(out.emplace_back(), find_pair(config, name));
  } else {
    out = config.pairs;
    if (out.empty()) return usage("no pair is configured here: give DIR and TARGET, or --config FILE");
  }
  return out;
}

Request make_request(const SyncCommand& command, const Config& config, std::vector<std::string> paths) {
  Request request;
  request.kind = RequestKind::sync;
  request.source = command.from_cron ? HintSource::cron : HintSource::manual;
  request.direction = command.direction;
  request.dry_run = command.dry_run;
  request.list_operations = command.dry_run || command.json;
  request.paths = std::move(paths);
  // A service has its own configuration; what was asked for here goes along.
  request.policy = config.overrides.policy;
  request.exclude = config.overrides.exclude;
  return request;
}

PrinterOptions printer_options(const CliContext& context, const SyncCommand& command, SystemClock& clock) {
  PrinterOptions options;
  options.json = command.json;
  options.quiet = command.quiet;
  options.dry_run = command.dry_run;
  options.terminal = context.terminal;
  options.columns = context.columns;
  options.now_ns = [&clock] { return clock.steady_ns(); };
  return options;
}

Result<int> sync_pair(CliContext& context, const SyncCommand& command, PairConfig pair) {
  SYNC_TRY(prepare_pair(context.config, pair));
  std::vector<std::string> paths;
  for (const auto& path : command.paths) {
    SYNC_ASSIGN(paths.emplace_back(), relative_argument(path, pair.code_path));
  }
  if (context.config.find(pair.name) == nullptr) SYNC_TRY(remember_pair(context.config, pair));
  SYNC_TRY(make_private_directory(context.config.state_dir));

  SystemClock clock;
  const auto printer = make_printer(printer_options(context, command, clock), context.out);
  log_info("sync of ", pair.name, " (", to_string(command.direction), command.dry_run ? ", dry run" : "", ") begins");
  RunnerOptions options;
  options.wait = !command.no_wait;
  auto summary = run_request(context, pair, make_request(command, context.config, std::move(paths)), options,
                             [&](const Event& event) {
                               log_event(event);
                               printer->event(event);
                             });
  if (!summary) {
    log_error("sync of ", pair.name, ": ", describe(summary.error()));
    if (!command.json) return std::move(summary).error();
    Summary failed;
    failed.error = summary.error();
    summary = failed;
  }
  if (command.no_wait && summary->error.code == ErrorCode::ok) {
    if (!command.json && !command.quiet) context.out("the service has it\n");
    return kExitDone;
  }
  log_summary(pair.name, *summary);
  return end_of_run(context, *printer, *summary, command.json);
}

}  // namespace

Result<int> run_sync(CliContext& context, const SyncCommand& command) {
  SYNC_ASSIGN(const auto pairs, pairs_of(context.config, command));
  open_sync_log(context.config, command.from_cron);
  int worst = kExitDone;
  for (const auto& pair : pairs) {
    auto code = sync_pair(context, command, pair);
    if (!code) {
      if (pairs.size() == 1) return code;
      context.err(str("twsync: pair ", pair.name, ": ", describe(code.error()), "\n"));
    }
    worst = std::max(worst, code ? *code : exit_code(code.error().code));
    if (context.stop) break;
  }
  return worst;
}

}  // namespace twsync
