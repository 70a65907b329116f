#pragma once
// From an unclean stop back to trust (I15): the first whole look, then the audit of the rest.

#include "workers/resolver/pair_work.h"

namespace twsync {

/// After a cycle that looked at everything: where nothing that is pending is suspect any more, absence is a deletion
/// again, and the rest is the audit's. Otherwise nothing changes: the next whole look tries again.
Status end_first_look(PairWork& work, const Policy& policy);

}  // namespace twsync
