#pragma once
// Hard links seen by the resolver: which other paths are the same file as something that is pending (RULES.md, "Hard
// links"). A hint to one name looks at all, and the planner gets them all.

#include <string>
#include <vector>

#include "common/store/base_store.h"
#include "workers/resolver/pending.h"

namespace twsync {

/// Names on `side`, outside the scopes, of the files with several names that are pending in the scopes.
Result<std::vector<std::string>> other_names(BaseStore& base, const PendingTree& pending, Side side,
                                             const std::vector<Scope>& scopes);

/// Adds the rows of every file that has a name in `states`, on either side; those may have nothing pending.
Status add_other_names(BaseStore& base, const PendingTree& pending, std::vector<PathState>& states);

/// Of several names of one file, as scanned, only the first stays in `paths`.
void drop_other_names(const PendingTree& pending, Side side, std::vector<std::string>& paths);

/// Gives a digest that was read by one name to the others.
void share_digests(PendingTree& pending, Side side);

}  // namespace twsync
