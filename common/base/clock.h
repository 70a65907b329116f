#pragma once
// Time comes in through this interface, so that tests and the simulation move it by hand.

#include <cstdint>

namespace twsync {

/// Nanoseconds. Wall = since the Unix epoch; steady = since some fixed point, never goes back.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ns() = 0;
  virtual int64_t steady_ns() = 0;
};

/// CLOCK_REALTIME and CLOCK_MONOTONIC. Any thread.
class SystemClock final : public Clock {
 public:
  int64_t wall_ns() override;
  int64_t steady_ns() override;
};

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace twsync
