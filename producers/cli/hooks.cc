// twsync hooks

#include "common/app/exit_codes.h"
#include "common/app/installation.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/context.h"
#include "producers/git_hook/hook_installer.h"

namespace twsync {

namespace {

void say(CliContext& context, bool json, const char* event, const char* words, const std::string& file) {
  context.out(json ? JsonObject().text("event", event).path("file", file).str_value() + "\n"
                   : str(words, ": ", escape_bytes(file), "\n"));
}

}  // namespace

Result<int> run_hooks(CliContext& context, const HooksCommand& command) {
  const std::string repository = absolute_path(command.repository.empty() ? "." : command.repository);
  if (command.verb == "uninstall") {
    SYNC_ASSIGN(const auto removed, uninstall_hooks(repository));
    for (const auto& file : removed) say(context, command.json, "removed", "taken away", file);
    if (removed.empty() && !command.json) context.out("no twsync hook is installed there\n");
    return kExitDone;
  }
  HookOptions options;
  options.repository = repository;
  options.twsync = executable_directory() + "/twsync";
  const Overrides& given = context.config.overrides;
  if (!given.config.empty()) options.arguments = {"--config", absolute_path(given.config)};
  if (!given.state_dir.empty())
    options.arguments.insert(options.arguments.end(), {"--state-dir", absolute_path(given.state_dir)});
  SYNC_ASSIGN(const auto installed, install_hooks(options));
  for (const auto& file : installed) say(context, command.json, "installed", "installed", file);
  return kExitDone;
}

}  // namespace twsync
