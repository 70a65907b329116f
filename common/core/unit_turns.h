#pragma once
// In what order the changes of a unit become visible (R142, R146).

#include <cstddef>
#include <vector>

#include "common/core/reconcile.h"
#include "common/core/relations.h"

namespace twsync {

/// Rows [begin, end) of the table: all of one unit.
struct UnitRows {
  size_t begin = 0;
  size_t end = 0;
};

/// What `side` changed there, as far as it is not the same on both. A directory that came or went says nothing, what is
/// in it does. Damage changes nothing: it is repaired from the other side whoever wins (R149).
bool changes_unit(const Row& row, const Decision& d, Side side, const Policy& policy);

/// What the loser alone changed first, what both did next, by the winner's time. However far it comes, the winner still
/// has what made it win.
void give_turns(const std::vector<Row>& rows, const Relations& relations, const Policy& policy, const UnitRows& range,
                Side winner, Reconciled& all);

/// A directory that takes the place of something else, or leaves it to that, does so with the files.
void mark_changes_of_kind(const std::vector<Row>& rows, const UnitRows& range, Reconciled& all);

}  // namespace twsync
