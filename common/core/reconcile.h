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
};

/// One decision per row of the table, in its order.
std::vector<Decision> reconcile(const WorkTable& table, const Policy& policy);

}  // namespace twsync
