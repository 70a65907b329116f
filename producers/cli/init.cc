// twsync init: asks, checks and writes the configuration.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <unistd.h>

#include "common/app/own_address.h"
#include "common/app/exit_codes.h"
#include "common/app/shell_assignments.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "common/ssh/text_file.h"
#include "producers/cli/context.h"
#include "producers/cli/terminal_prompt.h"

namespace twsync {

namespace {

struct Question {
  const char* name;
  const char* text;
  std::string InitCommand::*given;
};
constexpr Question kQuestions[] = {
    {"CODE_SERVER", "Address of the code server (where the service runs)", &InitCommand::code_server},
    {"DEPLOY_SERVER", "Address of the deploy server", &InitCommand::deploy_server},
    {"CODE_PATH", "Directory on the code server", &InitCommand::code_path},
    {"DEPLOY_PATH", "Directory on the deploy server", &InitCommand::deploy_path},
    {"SSH_USER", "User on the deploy server (- for whoever runs the sync)", &InitCommand::ssh_user},
    {"SSH_PORT", "SSH port of the deploy server", &InitCommand::ssh_port},
    {"CONFLICT_RESOLUTION", "Who wins a conflict: newer, code-server, deploy-server or manual", &InitCommand::policy},
    {"EXCLUDE", "What is left alone, as gitignore patterns (- for nothing more than version control)",
     &InitCommand::exclude},
};

constexpr std::string_view kNothing = "-";  // an answer; an empty one keeps what is there

Error usage(std::string message, std::string path = {}) {
  return Error{ErrorCode::usage, std::move(message), std::move(path), 0};
}

// The commented defaults of the installation, for a file that does not exist yet.
std::string template_text(const Config& config) {
  auto text = read_text_file(config.prefix + "/share/twsync/sync_config.sh");
  return text ? *text : std::string("# Two-way sync: the configuration.\n");
}

using Values = std::map<std::string, std::string>;

Values default_values() {
  const Settings defaults;
  return {{"CODE_SERVER", defaults.code_server},
          {"DEPLOY_SERVER", defaults.deploy_server},
          {"CODE_PATH", defaults.code_path},
          {"DEPLOY_PATH", defaults.deploy_path},
          {"SSH_PORT", std::to_string(defaults.ssh_port)},
          {"CONFLICT_RESOLUTION", "newer"}};
}

/// `under` with what the text says over it.
Result<Values> values_of(const std::string& text, const std::string& file, Values under) {
  SYNC_ASSIGN(const auto assignments, parse_assignments(text, file));
  for (const auto& a : assignments) under[a.name] = a.value;
  return under;
}

Result<std::string> answer_to(CliContext& context, const Question& question, const InitCommand& command,
                              const std::string& now) {
  const std::string& given = command.*question.given;
  const bool ask = given.empty() && !command.yes && can_prompt();
  for (;;) {
    std::string value = given.empty() ? now : given == kNothing ? "" : given;
    if (ask) {
      const auto typed = prompt_line(str(question.text, " [", escape_bytes(now), "]: "));
      if (!typed) return Error{ErrorCode::cancelled, "stopped before anything was written", {}, 0};
      if (!typed->empty()) value = *typed == kNothing ? "" : *typed;
    }
    Settings scratch;
    const Status allowed = apply_setting(scratch, question.name, value);
    if (allowed.ok()) return value;
    if (!ask) return allowed.error();
    context.err(str(allowed.error().message, "\n"));
  }
}

std::string quoted(const std::string& value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-:@").find(c) != std::string_view::npos;
  });
  if (plain) return value;
  std::string out = "'";
  for (const char c : value) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// `text` with NAME=value in the place where the name stood last, or at the end.
Result<std::string> with_value(const std::string& text, const std::string& file, const std::string& name,
                               const std::string& value) {
  SYNC_ASSIGN(const auto assignments, parse_assignments(text, file));
  unsigned at = 0;
  for (const auto& a : assignments) {
    if (a.name != name) continue;
    if (a.value == value) {
      at = 0;
      continue;
    }
    if (a.value.find('\n') != std::string::npos)
      return usage(str(name, " goes over several lines there: change it by hand"), file);
    at = a.line;
  }
  const bool stands = std::any_of(assignments.rbegin(), assignments.rend(),
                                  [&](const Assignment& a) { return a.name == name && a.value == value; });
  if (at == 0 && stands) return text;
  auto lines = split_lines(text);
  const std::string line = str(name, "=", quoted(value));
  if (at == 0) {
    lines.push_back(line);
  } else {
    lines[at - 1] = line;
  }
  std::string out;
  for (const auto& l : lines) out += l + "\n";
  SYNC_TRY(parse_assignments(out, file));
  return out;
}

Result<std::string> file_to_write(const Config& config, const InitCommand& command) {
  std::string file = config.file;
  if (!config.overrides.config.empty()) file = config.overrides.config;
  if (file.empty() && !config.prefix.empty()) file = config.prefix + "/scripts/config/sync_config.sh";
  if (file.empty()) return usage("twsync is not installed here: name the file to write with --config FILE");
  if (command.pair.empty() || command.pair == kMainPair) return file;
  if (!is_pair_name(command.pair)) return usage("a pair's name has letters, digits, '.', '_' and '-'", command.pair);
  return str(file.substr(0, file.rfind('/')), "/pairs.d/", command.pair, ".sh");
}

/// What is allowed, and still hardly meant.
void warn_of(CliContext& context, Values& now) {
  const auto say = [&](const std::string& text) { context.err(str("twsync: ", text, "\n")); };
  if (now["CODE_SERVER"] == now["DEPLOY_SERVER"])
    say(str("CODE_SERVER and DEPLOY_SERVER are both ", now["CODE_SERVER"], ": are two servers meant?"));
  const std::string& path = now["CODE_PATH"];
  if (::access(path.c_str(), F_OK) != 0 && !is_own_address(now["DEPLOY_SERVER"]))
    say(str("CODE_PATH ", escape_bytes(path), " is not there: make it on the code server before the first sync"));
}

}  // namespace

Result<int> run_init(CliContext& context, const InitCommand& command) {
  SYNC_ASSIGN(const std::string file, file_to_write(context.config, command));
  const bool extra = !command.pair.empty() && command.pair != kMainPair;
  const bool exists = ::access(file.c_str(), F_OK) == 0;
  if (!command.yes && !can_prompt())
    return usage("nobody to ask: give --yes, and what differs from the defaults as options (twsync init --help)");
  std::string text = extra ? str("# Two-way sync: pair ", command.pair, ", what differs from sync_config.sh.\n")
                           : template_text(context.config);
  if (exists) {
    SYNC_ASSIGN(text, read_trusted_file(file));
  }
  Values before = default_values();
  if (extra && !context.config.file.empty()) {
    SYNC_ASSIGN(const std::string main_text, read_trusted_file(context.config.file));
    SYNC_ASSIGN(before, values_of(main_text, context.config.file, std::move(before)));
  }
  SYNC_ASSIGN(Values now, values_of(text, file, before));
  for (const auto& question : kQuestions) {
    SYNC_ASSIGN(const std::string value, answer_to(context, question, command, now[question.name]));
    // A further pair says only what differs from the main file.
    if (value != now[question.name] || !extra) {
      SYNC_ASSIGN(text, with_value(text, file, question.name, value));
    }
    now[question.name] = value;
  }
  SYNC_TRY(write_text_file(file, text, 0644));
  warn_of(context, now);
  if (command.json) {
    context.out(JsonObject().text("event", "written").path("file", file).str_value() + "\n");
    return kExitDone;
  }
  context.out(str("written: ", escape_bytes(file), "\n", "next:\n", "  twsync keys exchange",
                  extra ? str(" ", command.pair) : "", "   let the two servers reach each other\n",
                  "  twsync doctor          check everything\n",
                  "  twsync sync --dry-run  what a first sync would do\n",
                  "  systemctl enable --now sutazai-sync-monitor.service\n"));
  return kExitDone;
}

}  // namespace twsync
