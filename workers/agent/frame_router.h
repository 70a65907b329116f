#pragma once
// The client's end of a control session: one thread takes frames off the connection, hands hints to a callback and
// keeps replies for the one thread that waits for them.

#include <condition_variable>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/ssh/connection.h"

namespace twsync {

/// Threads: the reader thread (inside) and one caller of call()/reply(); close() from any.
/// The first error stays: after it every call returns it.
class FrameRouter {
 public:
  /// Called from the reader thread, in the agent's order: they must not call back into this object, and return soon.
  struct Sinks {
    std::function<void(std::vector<Hint>&&)> hints;
    std::function<void(std::string)> state;  ///< what the peer's watch says of itself
  };
  FrameRouter(std::unique_ptr<Connection> connection, Sinks sinks);
  ~FrameRouter();  ///< closes, joins
  FrameRouter(const FrameRouter&) = delete;
  FrameRouter& operator=(const FrameRouter&) = delete;

  Status send(FrameType type, uint32_t stream, std::string payload);
  /// The next reply; blocks for as long as the session lives (ping and pong end a dead one). It must belong to
  /// `stream` and be of one of these types, else the session ends with peer_violation.
  Result<Frame> reply(uint32_t stream, std::initializer_list<FrameType> types);
  /// Ends the session with this error and returns it.
  Error fail(Error error);
  void close();
  /// What the peer's watch last said of itself; empty before. Any thread.
  std::string watch_state() const;
  const Connection& connection() const { return *connection_; }

 private:
  void read_loop();
  void tell_of_the_end();
  Status take(Frame&& frame);
  Status deliver_hints(const Frame& frame);
  void end(Error error);

  std::unique_ptr<Connection> connection_;
  const Sinks sinks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> replies_;   // guarded by mutex_
  size_t waiting_bytes_ = 0;    // guarded by mutex_; bounded, so that back-pressure reaches the peer
  std::optional<Error> error_;  // guarded by mutex_
  std::string watch_state_;     // guarded by mutex_
  bool broken_ = false;         // guarded by mutex_: sending failed, only the agent's last words still matter
  std::thread reader_;          // last: starts when the rest stands
};

}  // namespace twsync
