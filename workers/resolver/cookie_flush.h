#pragma once
// The flush of both watches: whether every change so far has been hinted, so that nothing need be looked for.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "workers/resolver/pair_work.h"

namespace twsync {

/// seen() by any thread, the rest by the controller's.
class CookieFlush {
 public:
  /// Drops a cookie on both sides and waits for it. True: the hints of every change made before the call are in the
  /// pair's lease or can be had by lease_more. False (a side is not, or not wholly, watched; no answer within 5 s):
  /// nothing is known.
  bool pass(const PairWork& work, const CycleServices& services);
  /// The broker's word on the code side's cookie.
  void seen(const std::string& name, bool whole);

 private:
  bool code_side_saw(const CycleServices& services);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string awaited_;
  std::optional<bool> whole_;  // the answer
};

}  // namespace twsync
