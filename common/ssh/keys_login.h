#pragma once
// The login with a shell that the key exchange needs. Used by keys.cc only.

#include <memory>

#include "common/ssh/keys.h"

namespace twsync {

/// Tries an existing key, ssh-agent and default keys; then our own key, if it gives a shell; then a password.
Result<std::shared_ptr<SshSession>> login_with_shell(const KeyOptions& options);

void log_step(const KeyOptions& options, const std::string& line);

}  // namespace twsync
