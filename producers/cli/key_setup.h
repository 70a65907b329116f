#pragma once
// From a pair to the options of a key exchange.

#include "common/app/config.h"
#include "common/ssh/keys.h"

namespace twsync {

/// The key lies in SSH_KEY, else in <state-dir>/keys. `--ssh-key` names the key of the first login. usage when SSH_KEY
/// is a key that a person made: an exchange would replace it.
Result<KeyOptions> key_options(const Config& config, const PairConfig& pair);

}  // namespace twsync
