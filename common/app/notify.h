#pragma once
// The systemd notification protocol, without libsystemd. Every call is a no-op where NOTIFY_SOCKET is not set.

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace twsync {

/// False when there was nobody to tell. Any thread.
bool notify_ready(std::string_view status = {});
bool notify_status(std::string_view status);
bool notify_watchdog();
bool notify_stopping();
bool notify_reloading();

/// Half of WATCHDOG_USEC when the watchdog is meant for this process: how often notify_watchdog() is due; 0 = never.
int64_t watchdog_interval_ms();

/// The loops of a worker's process, each in its thread: ready once the broker knows all of them, and the watchdog is
/// told only while all of them turn. Any thread.
class WorkerPulse {
 public:
  explicit WorkerPulse(size_t loops) : known_(loops, false), turned_(loops, false) {}
  /// Every turn of loop `loop`. `now`: steady. Returns for how many ms it may wait for work at most; -1 = for ever.
  int turn(size_t loop, bool known, int64_t now_ns);

 private:
  /// Less than the half: a loop may just have turned when the others make the watchdog due.
  const int64_t interval_ms_ = watchdog_interval_ms() * 2 / 3;
  std::mutex mutex_;
  std::vector<bool> known_, turned_;
  bool ready_ = false;
  int64_t next_ns_ = 0;
};

/// Tells the watchdog as often as it is due. One thread: the loop that must not hang.
class Watchdog {
 public:
  Watchdog() : interval_ns_(watchdog_interval_ms() * 1'000'000) {}
  /// Every turn of the loop. `now`: steady. Returns when the next one must be at the latest; INT64_MAX = never.
  int64_t turn(int64_t now_ns) {
    if (interval_ns_ == 0) return INT64_MAX;
    if (now_ns >= next_ns_) {
      next_ns_ = now_ns + interval_ns_;
      notify_watchdog();
    }
    return next_ns_;
  }

 private:
  const int64_t interval_ns_;
  int64_t next_ns_ = 0;
};

}  // namespace twsync
