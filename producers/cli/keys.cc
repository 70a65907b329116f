// twsync keys

#include "common/ssh/keys.h"

#include "common/app/exit_codes.h"
#include "common/app/log.h"
#include "common/base/json_object.h"
#include "producers/cli/context.h"
#include "producers/cli/key_setup.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/terminal_prompt.h"
#include "producers/cli/ways_back.h"

namespace twsync {

namespace {

/// A pair's name, or a target as `twsync sync` takes it, whose keys are wanted before its first sync.
Result<PairConfig> pair_for_keys(const Config& config, const std::string& where) {
  if (where.find(':') == std::string::npos) return find_pair(config, where.empty() ? kMainPair : where);
  PairConfig pair;
  pair.name = "adhoc";
  SYNC_ASSIGN(pair.deploy, parse_target(where, config.settings.ssh_port));
  if (pair.deploy.user.empty()) pair.deploy.user = config.settings.ssh_user;
  fill_pair(config, pair);
  return pair;
}

void open_setup_log(const Config& config) {
  LogOptions log;
  log.name = "keys";
  log.file = config.log_dir + "/ssh_setup.log";
  log.level = config.log_level;
  (void)open_log(log).ok();
}

void ask_at_terminal(KeyOptions& options) {
  if (!can_prompt()) return;
  options.ask_secret = prompt_secret;
  if (!options.accept_fingerprint.empty()) return;
  options.confirm_host = [](const HostKey& key) {
    return prompt_yes(
        str(key.changed ? "WARNING: the host key CHANGED. It is now " : "The other server shows the host key ",
            escape_bytes(key.fingerprint), ".\nIs this the right one?"));
  };
}

Result<int> show(CliContext& context, const KeyOptions& options, bool json) {
  SYNC_ASSIGN(const KeyInfo info, show_keys(options));
  if (json) {
    JsonObject line;
    line.path("key_file", info.key_file).text("fingerprint", info.fingerprint).text("public_line", info.public_line);
    context.out(line.text("host_fingerprint", info.host_fingerprint).str_value() + "\n");
    return kExitDone;
  }
  context.out(str("key:      ", escape_bytes(info.key_file), "\n          ", info.fingerprint, "\n          ",
                  escape_bytes(info.public_line),
                  "\nhost key: ", info.host_fingerprint.empty() ? "none trusted yet" : info.host_fingerprint, "\n"));
  return kExitDone;
}

}  // namespace

Result<int> run_keys(CliContext& context, const KeysCommand& command) {
  SYNC_ASSIGN(const PairConfig pair, pair_for_keys(context.config, command.pair));
  if (pair.deploy.local) return Error{ErrorCode::usage, "this pair is local: it needs no keys", {}, 0};
  if (context.config.find(pair.name) != nullptr) {
    SYNC_TRY(check_led_here(context, pair.name, "keys " + command.verb));
    SYNC_TRY(check_not_deploy_server(context.config, pair.deploy));
  }
  SYNC_ASSIGN(KeyOptions options, key_options(context.config, pair));
  options.accept_fingerprint = command.accept_fingerprint;
  if (!command.pair.empty()) options.deploy.exchange += " " + command.pair;
  if (context.config.overrides.ssh_port) options.deploy.exchange += str(" --ssh-port ", pair.deploy.port);
  if (command.one_way) options.reverse.reset();
  if (command.verb == "show") return show(context, options, command.json);
  SYNC_TRY(make_private_directory(context.config.state_dir));
  SYNC_TRY(make_private_directory(context.config.key_dir));
  open_setup_log(context.config);
  ask_at_terminal(options);
  options.log = [&](const std::string& step) {
    log_info(step);
    context.out(command.json ? JsonObject().text("event", "step").text("text", step).str_value() + "\n"
                             : escape_bytes(step) + "\n");
  };
  auto report = exchange_keys(options);
  if (!report) {
    Error failure = std::move(report).error();
    log_error(describe(failure));
    if (options.reverse) failure.message += "; --one-way leaves out the way back, which only hooks over there need";
    return failure;
  }
  if (command.json) {
    JsonObject line;
    line.text("event", "keys").text("fingerprint", report->key_fingerprint);
    line.text("host_fingerprint", report->host_fingerprint).flag("both_directions", report->reverse);
    context.out(line.str_value() + "\n");
    return kExitDone;
  }
  context.out(str("keys are in place: ", report->key_fingerprint, ", host key ", report->host_fingerprint,
                  report->reverse ? ", both directions" : ", from here to there", "\n"));
  return kExitDone;
}

}  // namespace twsync
