#pragma once
// What the shell sees.

#include <string>

#include "common/base/result.h"

namespace twsync {

constexpr int kExitDone = 0;
constexpr int kExitRemains = 1;      ///< done, but parked or failed items remain
constexpr int kExitUsage = 2;        ///< usage or configuration
constexpr int kExitUnreachable = 3;  ///< other server unreachable or refused
constexpr int kExitInternal = 4;
constexpr int kExitGuard = 5;  ///< a guard stopped it and nothing was applied

/// The exit code of a run that failed as a whole. A disk, its space, a record on it or somebody's rights are no
/// internal error: what they made fail remains.
int exit_code(ErrorCode code);

/// One line for a person: what happened, to which path, and what to do next.
std::string complaint(const Error& error);

}  // namespace twsync
