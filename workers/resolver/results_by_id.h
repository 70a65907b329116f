#pragma once
// A batch's results, found by their operation.

#include <algorithm>
#include <vector>

#include "common/wire/apply_messages.h"

namespace twsync {

/// Borrows the results.
class ResultsById {
 public:
  explicit ResultsById(const std::vector<OpResult>& results) {
    for (const OpResult& result : results) sorted_.push_back(&result);
    std::ranges::sort(sorted_, {}, &OpResult::id);
  }
  const OpResult* find(uint32_t id) const {
    const auto found = std::ranges::lower_bound(sorted_, id, {}, &OpResult::id);
    return found != sorted_.end() && (*found)->id == id ? *found : nullptr;
  }

 private:
  std::vector<const OpResult*> sorted_;
};

}  // namespace twsync
