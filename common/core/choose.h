#pragma once
// Which side wins: the policy table of RULES.md (R20-R28).

#include <optional>
#include <string_view>

#include "common/core/planner.h"

namespace twsync {

/// The side that the policy names, or the code server's where it names none.
Side preferred_side(ConflictPolicy conflicts);

/// The side with the later plausible mtime, skew corrected; equal or implausible: the code server's (R24, R25).
Side newer_side(const Entry& code, const Entry& deploy, const Policy& policy);

/// Its mtime on the code side's clock (R24); nullopt: implausible (R25).
std::optional<int64_t> plausible_time(Side side, const Entry& e, const Policy& policy);

/// Two different things at one path, both there. nullopt = parked.
std::optional<Side> conflict_winner(std::string_view path, const Entry& code, const Entry& deploy,
                                    const Policy& policy);

/// `editor` changed what the other side deleted. nullopt = parked.
std::optional<Side> edit_or_deletion(std::string_view path, Side editor, const Policy& policy);

/// Whose mtime stands when both changed it without a conflict, or whose metadata on first contact.
Side metadata_winner(std::string_view path, const Entry& code, const Entry& deploy, const Policy& policy);

}  // namespace twsync
