#pragma once
// The inside of Connection; included by connection*.cc alone.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/ssh/connection.h"
#include "common/ssh/frame_codec.h"
#include "common/ssh/ping_times.h"

namespace twsync {

constexpr int64_t kDrainMs = 2'000;  ///< reading on after a failed write: the peer's last words

inline int64_t pump_now_ms() {
  return SystemClock().steady_ns() / kMillisecond;
}

/// What a frame counts for in a queue: with a floor, so that empty frames fill a queue too.
inline size_t queue_cost(const Frame& frame) {
  constexpr size_t kFrameCost = 64;
  return frame.payload.size() + kFrameCost;
}

/// The pump thread is connection_pump.cc, its waiting connection_timers.cc; the callers' side is connection.cc.
/// Everything below `mutex` is shared; what stands above it belongs to the pump alone.
struct Connection::Impl {
  Impl(std::unique_ptr<ByteStream> byte_stream, ConnectionOptions connection_options);
  ~Impl();

  void run();
  Status pump();
  Status read_turn(bool& progress);
  Status write_turn(bool& progress);
  Status read_batch(std::vector<Frame>& frames, bool& got);
  void flush_turn();
  void note_started();
  void deliver(std::vector<Frame>& frames);
  void take_control(std::vector<Frame>& frames);
  void refill();
  Status check_timers();
  void wait(bool progress);
  int64_t next_timer(int64_t now, bool paused) const;
  bool owes_word(bool paused) const;
  bool may_read();
  Error explain(Error error) const;
  void finish(Error error);
  void wake();
  template <class Done>
  bool wait_for(std::unique_lock<std::mutex>& lock, std::condition_variable& cv, int64_t timeout_ms, Done done);

  const ConnectionOptions options;
  const std::string name;
  std::unique_ptr<ByteStream> stream;
  FrameReader reader;
  FrameWriter writer;
  std::optional<Error> write_error;
  int64_t write_failed_ms = 0;
  std::optional<std::string> pong_due;  ///< only the newest: a peer that sends pings without reading costs nothing
  std::optional<std::string> ping_due;
  bool stream_holds_output = false;  ///< the stream's own buffer is not empty
  bool heard_since_word = false;     ///< bytes came since we last said anything
  PingTimes times;
  int64_t said_ms = 0;
  std::vector<Frame> batch;
  std::atomic<uint64_t> bytes_out{0};
  std::atomic<uint64_t> bytes_in{0};
  std::atomic<int64_t> rest_ping_ms{0};
  int wake_fd = -1;

  std::mutex mutex;
  std::condition_variable can_send, can_receive, flushed, has_started;
  std::deque<Frame> outgoing, incoming;
  size_t outgoing_bytes = 0, incoming_bytes = 0;
  bool writing = false;  ///< writer or stream hold bytes that are not on their way
  bool started = false;  ///< the magic was seen
  bool reading_paused = false;
  bool sleeping = false;
  bool closing = false;
  bool stream_alive = true;   ///< interrupt() may be called
  std::optional<Error> over;  ///< the first error; stays
  std::thread thread;
};

template <class Done>
bool Connection::Impl::wait_for(std::unique_lock<std::mutex>& lock, std::condition_variable& cv, int64_t timeout_ms,
                                Done done) {
  if (timeout_ms >= 0) return cv.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
  cv.wait(lock, done);
  return true;
}

}  // namespace twsync
