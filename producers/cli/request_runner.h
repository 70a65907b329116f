#pragma once
// One request from beginning to end: by the service where it serves the pair, else in this process.

#include <functional>

#include "producers/cli/context.h"
#include "producers/cli/printer.h"

namespace twsync {

/// What `twsync sync` asks for. A service has its own configuration: of `overrides`, policy and exclusions go along.
Request sync_request(const SyncCommand& command, const Overrides& overrides, std::vector<std::string> paths);

struct RunnerOptions {
  bool wait = true;        ///< false: leave once the service has it (needs a service)
  bool own_login = false;  ///< the person named a port, a key or known hosts: refused where the service serves the pair
};

/// Gives `request` its id. Events come in order on this thread; the Summary is not among them.
/// cancelled after context.stop; what the service has taken over goes on there.
Result<Summary> run_request(CliContext& context, const PairConfig& pair, Request request, const RunnerOptions& options,
                            const std::function<void(const Event&)>& on_event);

/// Prints the summary, and on stderr why a run ended early (`json`: the summary says it). The exit code.
int end_of_run(CliContext& context, EventPrinter& printer, const Summary& summary, bool json);

}  // namespace twsync
