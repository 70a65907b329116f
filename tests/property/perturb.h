#pragma once
// Random edits of a World, as small values that rapidcheck can generate, show and shrink. Each does what the statements
// it returns say (see edit() in tree_literals.h), so that a failing case is kept as its text.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/tree_literals.h"

namespace twsync::testing {

/// What, where, and with what; every value is a valid edit of any tree (or does nothing).
using Edit = std::array<uint8_t, 4>;
using Edits = std::vector<Edit>;

/// The same edit, another one in place of a rename.
Edit without_renames(Edit edit);

/// Does `edit` on `side`; returns its statements.
std::string perturb(World& world, Side side, const Edit& edit);

/// Adds to the code side's tree: what the base is made of.
void grow(World& world, const Edit& edit);

/// `how` says which file gets another name, and where.
std::string place_link(World& world, Side side, const Edit& how);

/// A socket somewhere that is no directory's place.
std::string place_socket(World& world, Side side, uint8_t where);

}  // namespace twsync::testing
