#pragma once
// How fast a count grows, from samples. Pure.

#include <cstdint>

namespace twsync {

class Rate {
 public:
  /// `now_ns` is steady. A count that fell begins anew.
  void note(int64_t now_ns, uint64_t done) {
    if (start_ns_ < 0 || done < done_) {
      start_ns_ = now_ns;
      start_done_ = done;
    }
    now_ns_ = now_ns;
    done_ = done;
  }
  /// 0 while too little is known.
  uint64_t per_second() const {
    constexpr int64_t kSecondNs = 1'000'000'000;
    const int64_t elapsed = now_ns_ - start_ns_;
    if (start_ns_ < 0 || elapsed < kSecondNs / 2) return 0;
    return static_cast<uint64_t>(static_cast<double>(done_ - start_done_) * 1e9 / static_cast<double>(elapsed));
  }

 private:
  int64_t start_ns_ = -1, now_ns_ = 0;
  uint64_t start_done_ = 0, done_ = 0;
};

}  // namespace twsync
