#pragma once
// Running a configured program: never through a shell; under systemd as a transient unit of its own, which is not held
// by this service's limits.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace twsync {

struct ProgramRun {
  std::vector<std::string> command;                            ///< absolute path and arguments
  std::vector<std::pair<std::string, std::string>> variables;  ///< added to the environment
  std::string unit;                                            ///< name of the transient unit, without ".service"
};

/// The words that are really executed: systemd-run where systemd runs this host and we are root, else the program.
std::vector<std::string> program_words(const ProgramRun& run, bool systemd);
bool runs_systemd();

/// Blocks until it has ended; returns its exit code (128 + signal). When `stop` says so the wait ends (cancelled): a
/// transient unit goes on, a child is sent SIGTERM. Errors: it cannot be started.
Result<int> run_program(const ProgramRun& run, const std::function<bool()>& stop);

}  // namespace twsync
