#pragma once
// Whose commits reach the service: who may tell the broker, and who holds the key to the code server.

#include <sys/types.h>

#include <string>

#include "producers/cli/doctor.h"
#include "producers/git_hook/hook_installer.h"

namespace twsync {

/// What keeps the commits of the repository's owner from the service, and what mends it; both "" when nothing does.
struct Hindrance {
  std::string text, mend;
};

/// `led`: where the pairs of this host are led.
Hindrance hindrance_of(const CliContext& context, const Led& led, const Repository& repository);

}  // namespace twsync
