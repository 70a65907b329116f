#pragma once
// SIGTERM, SIGINT and SIGHUP as flags. One instance a process.

#include <atomic>

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
  /// Before execv(), when no other thread is left: what comes from now on waits for the next program's Signals.
  /// false: a SIGTERM or SIGINT came already, and this process is to end.
  bool leave_to_successor();
  /// As if SIGTERM had come. Any thread.
  void request_stop();
};

}  // namespace twsync
