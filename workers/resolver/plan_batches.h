#pragma once
// Cuts a stage of a plan into batches. Pure.

#include <vector>

#include "common/wire/apply_messages.h"

namespace twsync {

struct BatchLimits {
  size_t operations = 500;          ///< parallel stages
  size_t ordered_operations = 2000; ///< stages that are applied strictly in order
  uint64_t bytes = 16U << 20U;      ///< content; a larger file is a batch of its own
};

/// Structure, directory removal and directory metadata: one batch after another, each waiting for the last.
bool is_ordered(OpStage stage);

/// The operations [begin, end) of one stage, cut per side in the plan's order. Groups are never cut apart.
/// id, epoch and cycle are left to the caller.
std::vector<Batch> cut_batches(const std::vector<Operation>& operations, size_t begin, size_t end, const BatchLimits& limits);

}  // namespace twsync
