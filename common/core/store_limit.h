#pragma once
// What must wait while a side's version store may take nothing more (DESIGN.md section 6). Pure.

#include <cstddef>

#include "common/model/plan.h"

namespace twsync {

/// Moves to plan.parked (reason versions_full) every operation of `side` that would displace a file or symlink, and
/// takes out what depends on it, silently pending: the removal of its parent directories, a put onto one of them,
/// whatever would come below a directory that can't take its place, the others of its group. Creations, renames and
/// metadata go on. Returns how many were parked.
size_t withhold_displacing(Plan& plan, Side side);

}  // namespace twsync
