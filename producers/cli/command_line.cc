#include "producers/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "common/app/settings.h"
#include "common/base/flush.h"
#include "common/base/text.h"
#include "producers/cli/command_help.h"
#include "producers/cli/library_versions.h"

namespace twsync {

namespace {

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

/// One parse: CLI11 binds options to these members; `pick` makes the command of the subcommand that was typed.
struct Parse {
  CLI::App app{"Keeps a directory tree the same on two servers, in both directions."};
  Overrides overrides;
  std::string policy;
  uint16_t port = 0;
  SyncCommand sync;
  bool to_deploy = false, to_code = false;
  StatusCommand status;
  EventsCommand events;
  ConflictsCommand conflicts;
  DecideCommand decide;
  HistoryCommand history;
  RestoreCommand restore;
  PublishCommand publish;
  std::string source = "manual";
  KeysCommand keys;
  HooksCommand hooks;
  DoctorCommand doctor;
  InitCommand init;
  ForgetCommand forget;
  ServeForcedCommand forced;
  std::function<Command()> pick;

  CLI::App* add(CLI::App& parent, const char* name, const char* about, std::function<Command()> make) {
    CLI::App* sub = parent.add_subcommand(name, about);
    sub->fallthrough();
    sub->final_callback([this, make = std::move(make)] { pick = make; });
    return sub;
  }
};

void add_common(Parse& p) {
  p.app.set_version_flag("--version", "twsync " TWSYNC_VERSION);
  p.app.require_subcommand(1);
  p.app.fallthrough();
  p.app.add_option("--config", p.overrides.config, "configuration file")->type_name("FILE");
  p.app.add_option("--state-dir", p.overrides.state_dir, "where state is kept")->type_name("DIR");
  p.app.add_option("--policy", p.policy, "who wins a conflict")->type_name("newer|code-server|deploy-server|manual");
  p.app.add_option("--exclude", p.overrides.exclude, "gitignore pattern, in addition to EXCLUDE; again for more")
      ->type_name("PATTERN")
      ->allow_extra_args(false)
      ->take_all();
  p.app.add_option("--ssh-port", p.port, "port of the other server")
      ->type_name("N")
      ->check(CLI::Range(1, 65535).description(""));
  p.app.add_option("--ssh-key", p.overrides.ssh_key, "private key")->type_name("FILE");
  p.app.add_option("--known-hosts", p.overrides.known_hosts, "known host keys")->type_name("FILE");
}

void add_json(CLI::App* sub, bool& json) {
  sub->add_flag("--json", json, "one JSON object a line");
}

void add_sync(Parse& p) {
  auto* sync = p.add(p.app, "sync", "make both sides agree now", [&p]() -> Command { return p.sync; });
  sync->add_option("where", p.sync.where,
                   "TARGET is [user@]host:dir, ssh://[user@]host[:port]/dir or a local dir; without a word: every pair")
      ->option_text(kWhere)
      ->expected(0, 2);
  auto* to_deploy = sync->add_flag("--to-deploy", p.to_deploy, "change only the deploy side");
  sync->add_flag("--to-code", p.to_code, "change only the code side")->excludes(to_deploy);
  sync->add_flag("--dry-run", p.sync.dry_run, "print what would be done, change nothing");
  sync->add_option("--path", p.sync.paths, "only this path and what is below it; again for more")
      ->type_name("P")
      ->allow_extra_args(false)
      ->take_all();
  sync->add_flag("--no-wait", p.sync.no_wait, "hand it to the service and leave");
  add_json(sync, p.sync.json);
  sync->add_flag("--quiet", p.sync.quiet, "only what needs attention");
  sync->add_flag("--from-cron", p.sync.from_cron, "as the cron entry does: full rescan, low priority, own log");
}

void add_questions(Parse& p) {
  auto* status =
      p.add(p.app, "status", "what is synced, running, waiting, parked", [&p]() -> Command { return p.status; });
  status->add_option("PAIR", p.status.pair, "only this pair");
  status->add_flag("--watch", p.status.watch,
                   "show it again every second; on a terminal a full-screen view, which q leaves");
  add_json(status, p.status.json);
  auto* events = p.add(p.app, "events", "what was done lately, or with --follow what happens now",
                       [&p]() -> Command { return p.events; });
  events->add_option("PAIR", p.events.pair, "only this pair");
  events->add_flag("--follow", p.events.follow, "go on until a signal: cycles, operations, conflicts, parked items");
  add_json(events, p.events.json);
  auto* conflicts =
      p.add(p.app, "conflicts", "open and past conflicts, parked items", [&p]() -> Command { return p.conflicts; });
  conflicts->add_option("PAIR", p.conflicts.pair, "only this pair");
  add_json(conflicts, p.conflicts.json);
  auto* history = p.add(p.app, "history", "kept versions of a path", [&p]() -> Command { return p.history; });
  history->add_option("PATH", p.history.path, "relative to the root, or absolute below it")->required();
  history->add_option("--pair", p.history.pair, "whose; needed where there are several")->type_name("PAIR");
  add_json(history, p.history.json);
  auto* doctor =
      p.add(p.app, "doctor", "checks keys, host key, agent, clocks, watch limits, space, rights, configuration",
            [&p]() -> Command { return p.doctor; });
  doctor->add_option("PAIR", p.doctor.pair, "only this pair");
  add_json(doctor, p.doctor.json);
}

void add_decisions(Parse& p) {
  const auto decide = [&p](const char* verb, const char* about) {
    auto* sub = p.add(p.app, verb, about, [&p, verb]() -> Command {
      p.decide.verb = verb;
      return p.decide;
    });
    sub->add_option("ID", p.decide.id, "as `twsync conflicts` shows it")->required();
    sub->add_option("--pair", p.decide.pair, "whose; needed where there are several")->type_name("PAIR");
    add_json(sub, p.decide.json);
    return sub;
  };
  decide("resolve", "decide a parked conflict")
      ->add_option("--take", p.decide.take, "whose version stays")
      ->required()
      ->type_name("code|deploy|both")
      ->check(CLI::IsMember({"code", "deploy", "both"}).description(""));
  decide("approve", "carry out parked deletions or another parked item");
  decide("reject", "refuse parked deletions: the files are carried back");
  auto* restore = p.add(p.app, "restore", "bring a file or a whole tree back, as new edits",
                        [&p]() -> Command { return p.restore; });
  restore->add_option("PATH", p.restore.path, "relative to the root, or absolute below it")->required();
  restore
      ->add_option("--version", p.restore.version,
                   "a version or a time as `twsync history` shows them, a tree comes back as it "
                   "stood before it; without it the latest, of a tree what its "
                   "last deletion took")
      ->type_name("ID");
  restore->add_option("--to", p.restore.to, "write it there instead, a tree as a new directory")->type_name("FILE");
  restore->add_option("--pair", p.restore.pair, "whose; needed where there are several")->type_name("PAIR");
  add_json(restore, p.restore.json);
  auto* forget = p.add(p.app, "forget", "remove a pair's state from both servers; the trees stay",
                       [&p]() -> Command { return p.forget; });
  forget->add_option("PAIR", p.forget.pair, "its name, as `twsync status` shows it")->required();
  add_json(forget, p.forget.json);
}

void add_producers(Parse& p) {
  auto* publish =
      p.add(p.app, "publish", "tell the service that something changed", [&p]() -> Command { return p.publish; });
  publish->add_option("--source", p.source, "who tells")
      ->type_name("git-hook|cron|manual")
      ->check(CLI::IsMember({"git-hook", "cron", "manual"}).description(""));
  publish->add_option("--path", p.publish.paths, "changed path; again for more; none = everything")
      ->type_name("P")
      ->allow_extra_args(false)
      ->take_all();
  publish->add_option("--pair", p.publish.pair, "whose; without it every pair that the paths belong to")
      ->type_name("PAIR");
  add_json(publish, p.publish.json);
  auto* forced = p.add(p.app, "serve-forced", "", [&p]() -> Command { return p.forced; });
  forced->group("")->add_option("PAIR", p.forced.pair)->required();
  forced->add_flag("--members", p.forced.members);
  p.add(p.app, "roots", "", []() -> Command { return RootsCommand{}; })->group("");
  auto* hooks = p.app.add_subcommand("hooks", "git hooks that publish after a commit, merge or checkout");
  hooks->require_subcommand(1)->fallthrough();
  const std::pair<const char*, const char*> hook_verbs[] = {
      {"install", "add them to a repository, beside hooks that are there"}, {"uninstall", "take them away again"}};
  for (const auto& [verb, about] : hook_verbs) {
    auto* sub = p.add(*hooks, verb, about, [&p, verb = verb]() -> Command {
      p.hooks.verb = verb;
      return p.hooks;
    });
    sub->add_option("REPO", p.hooks.repository, "the repository, default the current directory");
    add_json(sub, p.hooks.json);
  }
  auto* keys = p.app.add_subcommand("keys", "SSH keys between the two servers");
  keys->require_subcommand(1)->fallthrough();
  const std::pair<const char*, const char*> key_verbs[] = {
      {"exchange", "make a key pair and let each server in to the other, for twsync alone"},
      {"show", "the keys and host keys in use"},
      {"rotate", "make new keys and replace the old lines"}};
  for (const auto& [verb, about] : key_verbs) {
    auto* sub = p.add(*keys, verb, about, [&p, verb = verb]() -> Command {
      p.keys.verb = verb;
      return p.keys;
    });
    sub->add_option("PAIR", p.keys.pair, "only this pair's server");
    sub->add_flag("--one-way", p.keys.one_way, "only from here to there: nothing over there can reach this server");
    sub->add_option("--accept-fingerprint", p.keys.accept_fingerprint, "host key to trust without asking")
        ->type_name("SHA256:…");
    add_json(sub, p.keys.json);
  }
}

void add_init(Parse& p) {
  auto* init = p.add(p.app, "init", "ask for the configuration, check it and write it", [&p]() -> Command {
    p.init.policy = p.policy;
    p.init.ssh_port = p.port == 0 ? "" : std::to_string(p.port);
    for (const auto& pattern : p.overrides.exclude) p.init.exclude += (p.init.exclude.empty() ? "" : " ") + pattern;
    return p.init;
  });
  const auto value = [&](const char* name, std::string& into, const char* about, const char* type) {
    init->add_option(name, into, about)->type_name(type);
  };
  value("--code-server", p.init.code_server, "address of the code server", "HOST");
  value("--deploy-server", p.init.deploy_server, "address of the deploy server", "HOST");
  value("--code-path", p.init.code_path, "directory on the code server", "DIR");
  value("--deploy-path", p.init.deploy_path, "directory on the deploy server", "DIR");
  value("--ssh-user", p.init.ssh_user, "user on the deploy server", "USER");
  value("--pair", p.init.pair, "write pairs.d/NAME.sh: one more pair", "NAME");
  add_json(init, p.init.json);
  init->add_flag("--yes", p.init.yes, "ask nothing: what is not given stays as it is");
}

std::vector<OptionText> options_text(const CLI::App& app) {
  std::vector<OptionText> out;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionText text;
    text.positional = option->get_lnames().empty();
    text.name = text.positional ? positional_name(*option) : "--" + option->get_lnames().front();
    text.about = option->get_description();
    text.choices = choices_of(*option);
    text.required = option->get_required();
    if (option->get_items_expected_max() > 0 && !text.positional) text.value = option->get_type_name();
    out.push_back(std::move(text));
  }
  return out;
}

void commands_text(const CLI::App& app, const std::string& before, std::vector<CommandText>& out) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;
    const std::string name = before + sub->get_name();
    if (sub->get_subcommands([](const CLI::App*) { return true; }).empty())
      out.push_back({name, sub->get_description(), options_text(*sub)});
    commands_text(*sub, name + " ", out);
  }
}

std::unique_ptr<Parse> make_parse() {
  auto p = std::make_unique<Parse>();
  p->app.name("twsync");
  p->app.formatter(plain_formatter());
  add_common(*p);
  add_sync(*p);
  add_questions(*p);
  add_decisions(*p);
  add_producers(*p);
  add_init(*p);
  return p;
}

Result<Command> finish(Parse& p) {
  if (!p.policy.empty()) {
    SYNC_ASSIGN(p.overrides.policy, parse_policy(p.policy));
  }
  if (p.port != 0) p.overrides.ssh_port = p.port;
  p.sync.direction = p.to_deploy ? Direction::to_deploy : p.to_code ? Direction::to_code : Direction::both;
  p.publish.source = p.source == "git-hook" ? HintSource::git_hook
                     : p.source == "cron"   ? HintSource::cron
                                            : HintSource::manual;
  if (!p.pick) return usage("no command; see twsync --help");
  if (p.sync.json && p.sync.quiet) return usage("--json and --quiet exclude each other");
  return p.pick();
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& args) {
  const auto p = make_parse();
  try {
    p->app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    return CommandLine{TextCommand{help_of(p->app)}, {}};
  } catch (const CLI::CallForVersion&) {
    const char* end = kFlushes ? "\n" : " (test build without flushes)\n";
    return CommandLine{TextCommand{str("twsync " TWSYNC_VERSION, end, library_versions())}, {}};
  } catch (const CLI::ParseError& failure) {
    return usage(what_is_wrong(p->app, args, failure.what()));
  } catch (const std::exception& failure) {
    return usage(escape_bytes(failure.what()));
  }
  SYNC_ASSIGN(auto command, finish(*p));
  return CommandLine{std::move(command), std::move(p->overrides)};
}

ProgramText program_text() {
  const auto p = make_parse();
  ProgramText out;
  out.about = p->app.get_description();
  out.options = options_text(p->app);
  commands_text(p->app, {}, out.commands);
  return out;
}

}  // namespace twsync
