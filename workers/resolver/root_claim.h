#pragma once
// Both roots in this controller's hands, through the scanner that holds their locks.

#include <string>

#include "workers/resolver/pair_work.h"
#include "workers/scanner/scan_task.h"

namespace twsync {

/// Who holds a root, since when, as another controller is told.
std::string holder_text(int64_t now_ns);

/// A task without data of its own.
Result<std::string> ask_scanner(const PairWork& work, const CycleServices& services, const ScanTask& task);

/// Locks both roots and writes `epoch` into their markers; `fresh` = under an id that was never used. busy = another
/// controller holds one (asked again for three seconds: an agent whose controller died needs a moment to notice).
Status claim_roots(PairWork& work, const CycleServices& services, uint64_t epoch, bool fresh = false);

/// Raises the epoch of an open pair once an hour, marker first, then base, so that an old copy of either is recognised.
/// REQUIRES: work.opened and no batch under way.
Status raise_epoch_if_due(PairWork& work, const CycleServices& services);

}  // namespace twsync
