#pragma once
// The decision for each path (R10-R39). Decides only; emit.h makes operations of it.

#include <vector>

#include "common/core/work_table.h"

namespace twsync {

enum class Outcome : uint8_t {
  held,  ///< nothing is done here: parked, not ours, or beside something parked
  gone,  ///< nothing stands there on either side
  same,  ///< both hold the same kind and content; metadata may differ
  take,  ///< `winner`'s version (which may be nothing) is carried to the other side
};

struct Decision {
  Outcome outcome = Outcome::held;
  Side winner = Side::code;  ///< take
  LoserCause cause = LoserCause::ordinary;
  const char* rule = nullptr;  ///< set: a conflict, decided by this row
  bool contested = false;      ///< both changed the content
  bool parked = false;         ///< held by policy manual
  bool unsupported = false;    ///< held because of what cannot be synced, where the base knew something else
  Side unsupported_side = Side::code;
  bool anew = false;   ///< what won is carried whatever the other side deleted: a crash in between must not forget that
  bool early = false;  ///< a removal below a directory that becomes something else
  bool whole = false;  ///< the winner's version stands with its metadata, since its whole unit does (R143)
  bool still = false;  ///< same: recorded at most, as its unit is held (R145)
};

/// A row's part in a unit (units.h).
struct Membership {
  uint32_t unit = 0;   ///< 1 + its index in Policy::units; 0 = the row is decided and applied by itself
  uint32_t turn = 0;   ///< in a unit that both sides changed: the lower ones first
  bool inner = false;  ///< what becomes of a directory here is part of a change of kind, and goes with the files
  bool above = false;  ///< the unit goes with a directory above it that becomes something else
};

/// What was decided, by row of the table, and what is to be told of units.
struct Reconciled {
  std::vector<Decision> decisions;
  std::vector<Membership> members;  ///< empty = no unit has a row
  std::vector<Conflict> conflicts;
  std::vector<ParkedItem> parked;

  Membership member(size_t row) const { return members.empty() ? Membership{} : members[row]; }
};

Reconciled reconcile(const WorkTable& table, const Policy& policy);

}  // namespace twsync
