#pragma once
// What every command gets to work with, and the commands themselves: one file each.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/app/config.h"
#include "producers/cli/command_line.h"
#include "producers/cli/embedded.h"
#include "producers/cli/printer.h"

namespace twsync {

using EmbeddedRunner = std::function<Result<Summary>(const EmbeddedOptions&, const std::function<void(const Event&)>&,
                                                     std::atomic<bool>&)>;

struct CliContext {
  Config config;
  std::atomic<bool>& stop;
  EmbeddedRunner run_embedded;
  TextSink out;           ///< stdout
  TextSink err;           ///< stderr
  bool terminal = false;  ///< stdout is one
  bool colours = false;   ///< it is one that shows them, and NO_COLOR isn't set
  size_t columns = 80;
  std::string agent_path;  ///< beside this program
  bool forced = false;     ///< asked by the deploy server's key: by this host's service, or not at all
};

/// Returns the exit code; an Error is printed and mapped by run_main().
Result<int> run_command(CliContext& context, const Command& command);

Result<int> run_sync(CliContext& context, const SyncCommand& command);
Result<int> run_status(CliContext& context, const StatusCommand& command);
Result<int> run_events(CliContext& context, const EventsCommand& command);
Result<int> run_conflicts(CliContext& context, const ConflictsCommand& command);
Result<int> run_decide(CliContext& context, const DecideCommand& command);
Result<int> run_history(CliContext& context, const HistoryCommand& command);
Result<int> run_restore(CliContext& context, const RestoreCommand& command);
Result<int> run_publish(CliContext& context, const PublishCommand& command);
Result<int> run_keys(CliContext& context, const KeysCommand& command);
Result<int> run_hooks(CliContext& context, const HooksCommand& command);
Result<int> run_doctor(CliContext& context, const DoctorCommand& command);
Result<int> run_serve_forced(CliContext& context, const ServeForcedCommand& command);
Result<int> run_init(CliContext& context, const InitCommand& command);
Result<int> run_forget(CliContext& context, const ForgetCommand& command);

}  // namespace twsync
