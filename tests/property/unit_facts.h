#pragma once
// What has to be true of units after a cycle, whatever they hold.

#include <string>

#include "tests/support/tree_literals.h"

namespace twsync::testing {

/// Each unit ends as it was on one side (or stays as it was), and on a side all of it goes in one group. Empty = so it
/// is.
std::string unit_problems(World& before, World& after, const Plan& plan);

}  // namespace twsync::testing
