#pragma once
// SIGTERM, SIGINT and SIGHUP as flags. One instance a process.

#include <atomic>
#include <functional>
#include <mutex>

namespace twsync {

/// Installs the handlers (and ignores SIGPIPE) while it lives. A second SIGINT ends the process at once.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// True once SIGTERM or SIGINT came. Any thread may read it; request_stop() sets it.
  std::atomic<bool>& stop();
  /// Waits for SIGHUP, or for a stop. True = a SIGHUP came since the last call. For one thread.
  bool wait_for_reload();
  /// Becomes readable with the first signal and stays so after a stop; for poll().
  int wake_fd() const;
  /// The same of the one instance there is, for what is called without it; -1 = there is none.
  static int any_wake_fd();
  /// Before execv(), when no other thread is left: what comes from now on waits for the next program's Signals.
  /// false: a SIGTERM or SIGINT came already, and this process is to end.
  bool leave_to_successor();
  /// As if SIGTERM had come. Any thread, but not from within an OnStop call.
  void request_stop();

 private:
  friend class OnStop;
  std::mutex mutex_;
  std::function<void()> on_stop_;
};

/// Calls `wake` once a stop is asked for, by whichever thread waits for a reload or asks for the stop, so that a loop
/// that waits for other things looks at stop() at once. One at a time.
class OnStop {
 public:
  OnStop(Signals& signals, std::function<void()> wake);
  ~OnStop();
  OnStop(const OnStop&) = delete;
  OnStop& operator=(const OnStop&) = delete;

 private:
  Signals& signals_;
};

}  // namespace twsync
