#pragma once
// How long to wait so that a stream keeps to a rate. Pure: time comes in.

#include <algorithm>
#include <cstdint>

namespace twsync {

/// One thread at a time. A rate of 0 never waits.
class TokenBucket {
 public:
  explicit TokenBucket(uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  /// Takes `bytes` and returns how many ns to wait before the next: what was saved up while idle (at most a quarter of
  /// a second's worth) goes first, so that small changes pass at once.
  int64_t take(uint64_t bytes, int64_t now_ns) {
    if (rate_ == 0) return 0;
    const int64_t cost_ns = static_cast<int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate_));
    paid_until_ns_ = std::max(paid_until_ns_, now_ns - kBurstNs) + cost_ns;
    return std::max<int64_t>(0, paid_until_ns_ - now_ns);
  }

 private:
  static constexpr int64_t kBurstNs = 250'000'000;
  uint64_t rate_;
  int64_t paid_until_ns_ = 0;
};

}  // namespace twsync
