#pragma once
// When a session pings, and when silence is its end. Pure: time comes in (ms, of any one clock).

#include <algorithm>
#include <cstdint>

namespace twsync {

/// The end that asks pings each `ping_ms`; after as long without another frame it rests: each `rest_ms`, which the ping
/// says. The other end (`ping_ms` 0) waits for as long as the last ping promised. 0 = never, each.
class PingTimes {
 public:
  PingTimes(int64_t ping_ms, int64_t dead_ms, int64_t now)
      : ping_ms_(ping_ms), dead_ms_(dead_ms), heard_(now), pinged_(now), carried_(now) {}

  void set_rest(int64_t rest_ms) { rest_ms_ = rest_ms; }
  /// Any byte came (or we were not listening).
  void heard(int64_t now) { heard_ = now; }
  /// A frame that is no ping or pong goes or came: no rest; the other end learns it with a ping at once.
  void carried(int64_t now) {
    carried_ = now;
    if (!resting_) return;
    resting_ = false;
    heard_ = now;
    pinged_ = now - ping_ms_;
  }
  /// What a ping said of the next one.
  void promised(int64_t ms) { promised_ = std::clamp<int64_t>(ms, 0, kLongestRestMs); }

  bool ping_due(int64_t now) const { return ping_ms_ > 0 && now - pinged_ >= interval(); }
  /// A ping goes: returns what it promises, 0 = nothing.
  int64_t ping(int64_t now) {
    resting_ = rest_ms_ > 0 && now - carried_ >= ping_ms_;
    pinged_ = now;
    return resting_ ? rest_ms_ : 0;
  }
  bool dead(int64_t now) const { return dead_ms_ > 0 && now >= dies(); }
  bool resting() const { return resting_ || promised_ > 0; }
  /// When one of the two comes true by itself; INT64_MAX = never.
  int64_t next() const {
    const int64_t end = dead_ms_ > 0 ? dies() : INT64_MAX;
    return ping_ms_ > 0 ? std::min(end, pinged_ + interval()) : end;
  }

  static constexpr int64_t kLongestRestMs = 60'000;

 private:
  int64_t interval() const { return resting_ ? rest_ms_ : ping_ms_; }
  int64_t dies() const {
    const int64_t answer_ms = dead_ms_ * 2 / 3;
    if (resting_ && pinged_ > heard_) return pinged_ + answer_ms;
    if (resting_) return heard_ + rest_ms_ + dead_ms_;
    return heard_ + std::max(dead_ms_, promised_ > 0 ? promised_ + answer_ms : 0);
  }

  int64_t ping_ms_;
  int64_t dead_ms_;
  int64_t rest_ms_ = 0;
  int64_t promised_ = 0;
  int64_t heard_;
  int64_t pinged_;
  int64_t carried_;
  bool resting_ = false;
};

}  // namespace twsync
