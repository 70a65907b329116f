#pragma once
// When a worker beats, and when it gives its broker up. Pure: time comes in (steady ns).

#include <algorithm>
#include <cstdint>

#include "common/wire/beats.h"

namespace twsync {

class BeatTimes {
 public:
  /// A fresh socket.
  void opened(int64_t now) {
    *this = BeatTimes();
    last_heard_ = last_beat_ = now;
  }
  /// Any message of the broker but a heartbeat: it has something for us.
  void heard(int64_t now) {
    heard_ = true;
    asks_ = false;
    last_heard_ = now;
    interval_ = kBeatNs;
  }
  /// A heartbeat, and the interval that it tells. One that tells to rest is answered at once, so that all that rest are
  /// awake together.
  void heard_beat(int64_t now, int64_t interval_ns) {
    heard(now);
    interval_ = interval_ns;
    if (interval_ > kBeatNs) last_beat_ = now - interval_;
  }
  /// Broken, or made again, perhaps to another broker: asks for an answer, each second until one comes.
  void connection_changed(int64_t now) {
    asks_ = true;
    interval_ = kBeatNs;
    last_heard_ = now;
    last_beat_ = now - interval_;
  }
  void beaten(int64_t now) { last_beat_ = now; }
  /// Time in which nobody listened is not the broker's silence.
  void absent(int64_t gap) { last_heard_ += gap; }

  bool ever_heard() const { return heard_; }
  bool asks() const { return asks_; }
  bool beat_due(int64_t now) const { return now - last_beat_ >= interval_; }
  int64_t next_beat() const { return last_beat_ + interval_; }
  /// `can_send`: it still takes messages, so it may only be waiting for its disk: reconnecting would throw away the
  /// tasks in flight.
  bool gone(int64_t now, bool can_send) const {
    const int64_t silent = now - last_heard_;
    // Never before anybody answered: ZeroMQ keeps trying by itself.
    return heard_ && silent > kMissedBeats * interval_ &&
           (!can_send || silent > std::max(kStalledNs, kMissedBeats * interval_));
  }

 private:
  static constexpr int64_t kStalledNs = 15 * kSecond;
  int64_t interval_ = kBeatNs;
  int64_t last_heard_ = 0;
  int64_t last_beat_ = 0;
  bool heard_ = false;
  bool asks_ = false;
};

}  // namespace twsync
