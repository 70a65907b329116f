// twsync hooks

#include "common/app/exit_codes.h"
#include "common/app/installation.h"
#include "common/base/text.h"
#include "producers/cli/context.h"
#include "producers/git_hook/hook_installer.h"

namespace twsync {

Result<int> run_hooks(CliContext& context, const HooksCommand& command) {
  const std::string repository = absolute_path(command.repository.empty() ? "." : command.repository);
  if (command.verb == "uninstall") {
    SYNC_ASSIGN(const auto removed, uninstall_hooks(repository));
    for (const auto& file : removed) context.out(str("taken away: ", escape_bytes(file), "\n"));
    if (removed.empty()) context.out("no twsync hook is installed there\n");
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
  for (const auto& file : installed) context.out(str("installed: ", escape_bytes(file), "\n"));
  return kExitDone;
}

}  // namespace twsync
