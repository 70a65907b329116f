// twsync publish: fire and forget.

#include "common/app/exit_codes.h"
#include "common/base/text.h"
#include "common/app/log.h"
#include "common/base/hasher.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/path_argument.h"

namespace twsync {

namespace {

constexpr int kAnswerMs = 2000;

/// The hints for one pair; none when every path lies outside its root.
Result<std::vector<Hint>> hints_for(const PairConfig& pair, const PublishCommand& command) {
  std::vector<Hint> out;
  const auto add = [&](std::string path) {
    Hint hint;
    hint.source = command.source;
    hint.pair = pair.name;
    hint.side = command.side;
    hint.path = std::move(path);
    hint.recursive = true;
    out.push_back(std::move(hint));
  };
  if (command.paths.empty()) add("");
  for (const auto& path : command.paths) {
    auto relative = relative_argument(path, command.side == Side::code ? pair.code_path : pair.deploy.path);
    if (relative) {
      add(std::move(relative).value());
    } else if (path.empty() || path[0] != '/') {
      return std::move(relative).error();
    }
  }
  return out;
}

Status publish_now(CliContext& context, const PublishCommand& command) {
  SYNC_ASSIGN(auto pairs, select_pairs(context.config, command.pair));
  Publish message;
  for (auto& pair : pairs) {
    // A root that is not there now is the worker's to report.
    (void)prepare_pair(context.config, pair).ok();
    SYNC_ASSIGN(auto hints, hints_for(pair, command));
    message.hints.insert(message.hints.end(), hints.begin(), hints.end());
  }
  if (message.hints.empty()) {
    return Error{ErrorCode::usage,
                 pairs.empty() ? "no pair is configured here" : "none of these paths lies below the root of a pair",
                 {},
                 0};
  }
  SYNC_ASSIGN(const auto broker, open_broker(context.config, kAnswerMs));
  std::erase_if(message.hints, [&](const Hint& hint) {
    return context.config.find(hint.pair) == nullptr && !broker->serves(hint.pair);
  });
  if (message.hints.empty()) return Error{ErrorCode::unreachable, "the service does not serve this pair", {}, 0};
  return broker->client->publish(message, random_hex(16), kAnswerMs);
}

}  // namespace

Result<int> run_publish(CliContext& context, const PublishCommand& command) {
  const auto status = publish_now(context, command);
  if (command.source != HintSource::git_hook) {
    if (!status) return status.error();
    return kExitDone;
  }
  // A hook must never fail or slow down a commit: one line in its own log says what happened.
  LogOptions log;
  log.name = "git-hook";
  log.file = context.config.log_dir + "/git_hooks.log";
  log.level = context.config.log_level;
  log.max_bytes = 1U << 20U;
  log.keep = 2;
  (void)open_log(log).ok();
  if (status) {
    log_info("published ", command.paths.empty() ? "the whole root" : escape_bytes(command.paths.front()));
  } else if (status.error().code == ErrorCode::unreachable) {
    log_warn(
        "no service answers; the next sync or the cron entry finds the change (systemctl start "
        "sutazai-sync-monitor.service)");
  } else {
    log_error(describe(status.error()));
  }
  return kExitDone;
}

}  // namespace twsync
