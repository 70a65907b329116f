#pragma once
// Does compressing pay on this link? Measured: raw bytes per second of sending with it and without it. On a fast link
// compression only costs processor time; on a slow one it multiplies the speed. Pure; time comes in.

#include <cstdint>

namespace twsync {

class CompressionChoice {
 public:
  bool compress() const { return compress_; }

  /// `raw_bytes` were sent, which took `elapsed_ns` of the sender's time (waiting included).
  void sent(uint64_t raw_bytes, int64_t elapsed_ns);

 private:
  enum class Phase : uint8_t { warm_up, with, without, settled };
  void next_phase(Phase phase, bool compress);

  Phase phase_ = Phase::warm_up;
  bool compress_ = true;
  uint64_t bytes_ = 0;
  int64_t elapsed_ns_ = 0;
  double rate_with_ = 0;
};

}  // namespace twsync
