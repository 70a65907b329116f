// twsync hooks

#include "common/app/exit_codes.h"
#include "common/app/installation.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "producers/cli/committers.h"
#include "producers/cli/context.h"
#include "producers/cli/path_argument.h"
#include "producers/cli/ways_back.h"
#include "producers/git_hook/hook_installer.h"

namespace twsync {

namespace {

void say(CliContext& context, bool json, const char* event, const char* words, const std::string& file) {
  context.out(json ? JsonObject().text("event", event).path("file", file).str_value() + "\n"
                   : str(words, ": ", escape_bytes(file), "\n"));
}

/// The root of a pair that the repository lies in; "" = none.
std::string root_around(const CliContext& context, const Led& led, const std::string& repository) {
  std::vector<std::string> roots;
  for (PairConfig pair : led.here) {
    // Where the root isn't there now, its name as it is configured.
    (void)prepare_pair(context.config, pair).ok();
    roots.push_back(pair.code_path);
  }
  for (const auto& way : led.there) roots.push_back(way.deploy_path);
  for (const auto& root : roots) {
    if (relative_argument(repository, root)) return root;
  }
  return std::string();
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
  SYNC_ASSIGN(const Led led, select_led(context, "", true));
  options.pushed_root = root_around(context, led, repository);
  SYNC_ASSIGN(const auto installed, install_hooks(options));
  for (const auto& file : installed) say(context, command.json, "installed", "installed", file);
  SYNC_ASSIGN(const Repository found, find_repository(repository));
  const Hindrance hindrance = hindrance_of(context, led, found);
  if (!hindrance.text.empty())
    context.err(str("twsync: ", escape_bytes(hindrance.text), "\n        mend: ", hindrance.mend, "\n"));
  return kExitDone;
}

}  // namespace twsync
