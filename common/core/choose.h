#pragma once
// Which side wins: the policy table of RULES.md (R20-R28).

#include <optional>
#include <string_view>

#include "common/core/planner.h"

namespace twsync {

/// The side that the policy names, or the code server's where it names none.
Side preferred_side(ConflictPolicy conflicts);

/// Its mtime on the code side's clock (R24); nullopt: implausible (R25).
std::optional<int64_t> plausible_time(Side side, const Entry& e, const Policy& policy);

/// The side with the later plausible mtime, skew corrected; equal or implausible: the code server's (R24, R25).
Side newer_side(const Entry& code, const Entry& deploy, const Policy& policy);

/// The side that the policy at `path` names; under `newer` the side given (of an edit and a deletion the editor's).
/// nullopt = parked.
std::optional<Side> side_by_policy(std::string_view path, Side newer, const Policy& policy);

/// Two different things at one path, both there. nullopt = parked.
std::optional<Side> conflict_winner(std::string_view path, const Entry& code, const Entry& deploy,
                                    const Policy& policy);

/// Whose mtime stands when both changed it without a conflict, or whose metadata on first contact.
Side metadata_winner(std::string_view path, const Entry& code, const Entry& deploy, const Policy& policy);

}  // namespace twsync
