#pragma once
// What was typed, as values. CLI11 is used by command_line.cc and command_help.cc only.

#include <string>
#include <variant>
#include <vector>

#include "common/app/config.h"
#include "common/base/result.h"
#include "common/model/hint.h"
#include "common/model/policy.h"

namespace twsync {

struct SyncCommand {
  std::vector<std::string> where;  ///< nothing, PAIR, or DIR TARGET
  Direction direction = Direction::both;
  bool dry_run = false, no_wait = false, json = false, quiet = false, from_cron = false;
  std::vector<std::string> paths;
};
struct StatusCommand {
  std::string pair;
  bool watch = false, json = false;
};
struct EventsCommand {
  std::string pair;
  bool follow = false, json = false;
};
struct ConflictsCommand {
  std::string pair;
  bool json = false;
};
/// resolve, approve, reject.
struct DecideCommand {
  std::string verb, id, take, pair;
  bool json = false;
};
struct HistoryCommand {
  std::string path, pair;
  bool json = false;
};
struct RestoreCommand {
  std::string path, version, to, pair;
  bool json = false;
};
struct PublishCommand {
  HintSource source = HintSource::manual;
  Side side = Side::code;
  std::vector<std::string> paths;
  std::string pair;
  bool json = false;
};
struct KeysCommand {
  std::string verb, accept_fingerprint, pair;
  bool one_way = false, json = false;
};
struct HooksCommand {
  std::string verb, repository;
  bool json = false;
};
struct DoctorCommand {
  std::string pair;
  bool json = false;
};
/// Empty values are asked for.
struct InitCommand {
  std::string code_server, deploy_server, code_path, deploy_path, ssh_user, ssh_port, policy, exclude, pair;
  bool yes = false, json = false;
};
struct ForgetCommand {
  std::string pair;
  bool json = false;
};
/// What a key of the deploy server may do here for one pair, as SSH_ORIGINAL_COMMAND says.
struct ServeForcedCommand {
  std::string pair;
  bool members = false;  ///< the key of its group's members
};
/// What the package's removal asks for: the roots that may hold a .twsync here, one a line.
struct RootsCommand {};
/// --help, --version: print and leave.
struct TextCommand {
  std::string text;
};

using Command = std::variant<SyncCommand, StatusCommand, EventsCommand, ConflictsCommand, DecideCommand, HistoryCommand,
                             RestoreCommand, PublishCommand, KeysCommand, HooksCommand, DoctorCommand, InitCommand,
                             ForgetCommand, ServeForcedCommand, RootsCommand, TextCommand>;

struct CommandLine {
  Command command;
  Overrides overrides;
};

/// Errors: usage, with the nearest known word where one was mistyped.
Result<CommandLine> parse_command_line(const std::vector<std::string>& args);

/// What may be typed, as --help tells it: the one source of manual pages and completions.
struct OptionText {
  std::string name;   ///< "--to-deploy"; a positional's name without dashes
  std::string value;  ///< type of its value; empty = a flag
  std::string about;
  std::vector<std::string> choices;  ///< allowed values, where they are few
  bool positional = false, required = false;
};
struct CommandText {
  std::string name;  ///< "keys exchange"
  std::string about;
  std::vector<OptionText> options;
};
struct ProgramText {
  std::string about;
  std::vector<OptionText> options;  ///< of every command
  std::vector<CommandText> commands;
};
ProgramText program_text();

}  // namespace twsync
