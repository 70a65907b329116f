#pragma once
// How often the broker and a worker say that they are there.

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"

namespace twsync {

constexpr int64_t kBeatNs = kSecond;            ///< with something in flight, or a connection in doubt
constexpr int64_t kRestBeatNs = 600 * kSecond;  ///< with nothing in flight
constexpr int64_t kMissedBeats = 3;             ///< so many intervals of silence, and the other end is gone

/// `Envelope.count` of the broker's heartbeat: milliseconds; 0 = a second.
constexpr uint64_t told_interval(int64_t interval_ns) {
  return interval_ns == kBeatNs ? 0 : static_cast<uint64_t>(interval_ns / kMillisecond);
}
constexpr int64_t heard_interval(uint64_t count) {
  if (count == 0) return kBeatNs;
  return std::clamp<int64_t>(static_cast<int64_t>(std::min<uint64_t>(count, 1U << 30U)) * kMillisecond, kBeatNs,
                             kRestBeatNs);
}

}  // namespace twsync
