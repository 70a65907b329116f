// twsync publish: fire and forget.

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "common/app/log.h"
#include "common/base/hasher.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/code_server.h"
#include "producers/cli/context.h"
#include "producers/cli/forced_words.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/way_turn.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

constexpr int kAnswerMs = 2000;
constexpr int64_t kLoginMs = 5000;
constexpr int64_t kTurnMs = 30'000;

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

Status publish_here(CliContext& context, std::vector<Hint> hints) {
  SYNC_ASSIGN(const auto broker, open_broker(context.config, kAnswerMs));
  std::erase_if(
      hints, [&](const Hint& hint) { return context.config.find(hint.pair) == nullptr && !broker->serves(hint.pair); });
  if (hints.empty()) return Error{ErrorCode::unreachable, "the service does not serve this pair", {}, 0};
  Publish message;
  message.hints = std::move(hints);
  return broker->client->publish(message, random_hex(16), kAnswerMs);
}

Status publish_there(CliContext& context, const PublishCommand& command, const WayBack& way,
                     const std::vector<std::string>& paths) {
  // A burst of commits: their hooks log in one after the other, or sshd would turn them away.
  const auto turn = wait_for_turn(way, kTurnMs);
  SYNC_ASSIGN(const auto code, CodeServer::open(way, kLoginMs));
  SYNC_ASSIGN(const int ended, code->ask(publish_words(command, paths), {{}, context.out, context.err}, context.stop));
  if (ended != kExitDone)
    return Error{ErrorCode::unreachable, str(way.code.host, ": it ended with exit code ", ended), {}, 0};
  return {};
}

/// The paths below the way's root, relative; none when every one lies outside.
Result<std::vector<std::string>> paths_there(const PublishCommand& command, const WayBack& way) {
  std::vector<std::string> out;
  for (const auto& path : command.paths) {
    auto relative = relative_argument(path, way.deploy_path);
    if (relative) {
      out.push_back(std::move(relative).value());
    } else if (path.empty() || path[0] != '/') {
      return std::move(relative).error();
    }
  }
  return out;
}

Status publish_now(CliContext& context, const PublishCommand& command) {
  SYNC_ASSIGN(auto led, select_led(context, command.pair, true));
  std::vector<Hint> hints;
  for (auto& pair : led.here) {
    // A root that is not there now is the worker's to report.
    (void)prepare_pair(context.config, pair).ok();
    SYNC_ASSIGN(auto more, hints_for(pair, command));
    hints.insert(hints.end(), more.begin(), more.end());
  }
  bool meant = !hints.empty();
  Status worst;
  if (meant) worst = publish_here(context, std::move(hints));
  if (!worst) {
    // No broker answers here, because it is not here that they are led.
    for (const auto& pair : led.here) SYNC_TRY(check_not_deploy_server(context.config, pair.deploy));
  }
  for (const auto& way : led.there) {
    SYNC_ASSIGN(const auto paths, paths_there(command, way));
    if (paths.empty() && !command.paths.empty()) continue;
    meant = true;
    auto status = publish_there(context, command, way, paths);
    if (!status) worst = std::move(status);
  }
  if (meant) return worst;
  return Error{ErrorCode::usage,
               led.here.empty() && led.there.empty() ? "no pair is configured here"
                                                     : "none of these paths lies below the root of a pair",
               {},
               0};
}

void open_hook_log(const Config& config) {
  LogOptions log;
  log.name = "git-hook";
  log.level = config.log_level;
  log.max_bytes = 1U << 20U;
  log.keep = 2;
  // The second: of a committer outside the group.
  for (const std::string& directory : {config.log_dir, config.state_dir + "/logs"}) {
    log.file = directory + "/git_hooks.log";
    if (open_log(log)) return;
  }
}

std::string published_json(const PublishCommand& command) {
  JsonObject line;
  line.text("event", "published").text("source", to_string(command.source));
  line.raw("paths", json_array(command.paths,
                               [](const std::string& path) { return JsonObject().path("path", path).str_value(); }));
  return line.str_value() + "\n";
}

}  // namespace

Result<int> run_publish(CliContext& context, const PublishCommand& command) {
  const auto status = publish_now(context, command);
  // The other server's hook has a log of its own.
  if (command.source != HintSource::git_hook || context.forced) {
    if (!status) return status.error();
    if (command.json) context.out(published_json(command));
    return kExitDone;
  }
  // A hook must never fail or slow down a commit: one line in its own log says what happened.
  open_hook_log(context.config);
  if (status) {
    log_info("published ", command.paths.empty() ? "the whole root" : escape_bytes(command.paths.front()));
  } else if (status.error().code == ErrorCode::unreachable || status.error().code == ErrorCode::timeout) {
    log_warn(
        "no service answers; the next sync or the cron entry finds the change (systemctl start "
        "sutazai-sync-monitor.service on the code server): ",
        describe(status.error()));
  } else {
    log_error(describe(status.error()));
  }
  return kExitDone;
}

}  // namespace twsync
