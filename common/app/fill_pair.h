#pragma once
// Inside common/app only: what an ad hoc pair takes from the main configuration.

#include "common/app/config.h"

namespace twsync {

/// Everything but name, code_path and deploy, from config.settings.
void fill_pair(const Config& config, PairConfig& pair);

}  // namespace twsync
