#pragma once
// The frame of every executable: errors and exceptions become exit codes, signals become a flag.

#include <functional>
#include <string>
#include <vector>

#include "common/app/config.h"
#include "common/app/exit_codes.h"
#include "common/app/signals.h"

namespace twsync {

/// Runs `body`; prints what escapes it to stderr and maps it to an exit code.
int run_main(int argc, char** argv,
             const std::function<Result<int>(std::vector<std::string> args, Signals& signals)>& body);

/// What a service gets to work with.
struct ServiceContext {
  Config config;                   ///< every pair that could be prepared
  std::vector<std::string> pairs;  ///< --pair NAME: only these; empty = all
  Signals& signals;
};

/// main of broker, workers and monitor: parses --config, --state-dir, --pair, --log-stderr, --version, --help; loads
/// the configuration; opens <log-dir>/<log_name>.log and the journal; then runs `body` until it returns (it should
/// watch context.signals.stop() and call notify_ready() once it serves). SIGHUP: a configuration that can be read makes
/// the process stop as for SIGTERM and begin anew as the same process; one that cannot is told, and nothing changes.
/// A pair whose roots are not there now is served
/// as well: its worker reports it (prepare_pair() again at use).
struct ServiceDescription {
  const char* name;      ///< "twsync-broker"
  const char* log_name;  ///< "broker" -> logs/broker.log
  const char* about;     ///< one line for --help
};
int run_service(int argc, char** argv, const ServiceDescription& about,
                const std::function<Status(ServiceContext&)>& body);

}  // namespace twsync
