#pragma once
// Opening a pair: base, both sides, root identity, claim (DESIGN.md section 7).

#include <string>

#include "workers/resolver/pair_work.h"

namespace twsync {

/// Makes a pair's state directory and what is missing above it (0700).
Status make_state_directory(const std::string& path);

enum class Opening : uint8_t {
  claim,   ///< lock and mark both roots; `work.opened` afterwards
  rehome,  ///< the same, after a person approved a root-identity stop: by union merge
  look     ///< for a dry run: nothing is locked, marked or recorded, and `work.opened` stays false
};

/// Connects both sides and checks their identity. Marker first, then base: a crash in between leaves the markers one
/// ahead. guard = a root's identity stopped it (parked as an item of its own); busy = another controller holds a root
/// (asked again for three seconds: an agent whose controller died needs a moment to notice).
Status open_pair(PairWork& work, const CycleServices& services, Opening how);

/// A run that ended before it began, with the number of what waits for a person.
Summary not_opened(const PairWork& work, const Error& error);

/// A base that turned out to be damaged while it was used: it goes aside, and the pair has to be opened again, which
/// merges both sides without deleting anything (I4).
Status set_base_aside(PairWork& work, const CycleServices& services);

/// Notes in the base that the controller went in order: everything recorded is on both disks (confirm_flush()). Without
/// that it notes nothing, and a boot from now on is an unclean stop.
Status close_pair(PairWork& work);

}  // namespace twsync
