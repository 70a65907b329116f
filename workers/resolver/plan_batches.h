#pragma once
// Cuts a stage of a plan into batches. Pure.

#include <optional>
#include <utility>
#include <vector>

#include "common/wire/apply_messages.h"

namespace twsync {

struct BatchLimits {
  size_t operations = 500;           ///< parallel stages
  size_t ordered_operations = 2000;  ///< stages that are applied strictly in order
  uint64_t bytes = 16U << 20U;       ///< content; a larger file is a batch of its own
  size_t message = 4U << 20U;        ///< of the batch itself: half of what a frame may hold, as a group is not cut
};

/// Of one stage: structure, early and directory removal, and directory metadata that may keep us out of what is below:
/// one batch after another, each waiting for the last.
bool is_ordered(const std::vector<const Operation*>& operations);

/// Operations of one stage, cut per side in their order. Groups, which stand together, are never cut apart.
/// id, epoch and cycle are left to the caller. `operations` outlive it; only what is being cut is copied.
class BatchCutter {
 public:
  BatchCutter(const std::vector<const Operation*>& operations, const BatchLimits& limits)
      : operations_(operations), limits_(limits), ordered_(is_ordered(operations)) {}
  std::optional<Batch> next();  ///< nullopt = that was all
  bool ordered() const { return ordered_; }

 private:
  std::optional<Batch> close(size_t side);
  std::optional<Batch> add(const Operation& op);

  const std::vector<const Operation*>& operations_;
  size_t next_ = 0;
  const BatchLimits limits_;
  const bool ordered_;
  Batch open_[2];
  uint64_t bytes_[2] = {0, 0};
  size_t message_[2] = {0, 0};
};

}  // namespace twsync
