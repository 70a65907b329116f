#pragma once
// Which pairs there are: configured ones, and ad hoc ones that a sync left in the state directory.

#include <string>
#include <vector>

#include "common/app/config.h"
#include "common/base/result.h"

namespace twsync {

/// Notes an ad hoc pair's roots and options in <state-dir>/pairs/<name>/pair.sh (0600), so that later commands know it
/// by name. Atomic: after a crash the file is the old one or the new one.
Status remember_pair(const Config& config, const PairConfig& pair);

/// A configured pair, or an ad hoc one by its name. usage with the known names when there is none.
Result<PairConfig> find_pair(const Config& config, const std::string& name);

/// `name`, or, when it is empty, every configured pair and every ad hoc one that once reached its other server.
Result<std::vector<PairConfig>> select_pairs(const Config& config, const std::string& name);

/// The configured pair with the same roots, else the pair itself.
PairConfig prefer_configured(const Config& config, PairConfig pair);

}  // namespace twsync
