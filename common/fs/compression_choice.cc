#include "common/fs/compression_choice.h"

#include "common/base/clock.h"

namespace twsync {

namespace {

constexpr uint64_t kWarmUp = 4U << 20U;  // fills queues and windows, which take anything at any speed
constexpr uint64_t kWindow = 8U << 20U;
constexpr int64_t kLongEnough = 2 * kSecond;
constexpr uint64_t kSettled = 1U << 30U;  // then it is measured again
constexpr double kClearly = 1.25;         // less gain is not worth the processor time

}  // namespace

void CompressionChoice::next_phase(Phase phase, bool compress) {
  phase_ = phase;
  compress_ = compress;
  bytes_ = 0;
  elapsed_ns_ = 0;
}

void CompressionChoice::sent(uint64_t raw_bytes, int64_t elapsed_ns) {
  bytes_ += raw_bytes;
  elapsed_ns_ += elapsed_ns;
  const bool measured = bytes_ >= kWindow || elapsed_ns_ >= kLongEnough;
  const double rate = elapsed_ns_ > 0 ? static_cast<double>(bytes_) / static_cast<double>(elapsed_ns_) : 0;
  switch (phase_) {
    case Phase::warm_up:
      if (bytes_ >= kWarmUp || elapsed_ns_ >= kLongEnough) next_phase(Phase::with, true);
      break;
    case Phase::with:
      if (!measured) break;
      rate_with_ = rate;
      next_phase(Phase::without, false);
      break;
    case Phase::without:
      if (measured) next_phase(Phase::settled, rate_with_ > rate * kClearly);
      break;
    case Phase::settled:
      if (bytes_ >= kSettled) next_phase(Phase::with, true);
      break;
  }
}

}  // namespace twsync
