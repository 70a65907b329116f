#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/ssh/connection_impl.h"

namespace twsync {

Status Connection::Impl::check_timers() {
  const int64_t now = pump_now_ms();
  bool paused = false;
  {
    const std::lock_guard lock(mutex);
    paused = reading_paused;
  }
  if (write_error && now - write_failed_ms >= kDrainMs) return *write_error;
  if (paused) times.heard(now);  // it is we who are not reading
  times.set_rest(rest_ping_ms);
  if (times.dead(now)) {
    return Error{
        ErrorCode::unreachable,
        str("no answer from ", name, " for ", options.dead_after_ms / 1'000, " s: the connection is considered dead"),
        {},
        0};
  }
  if (times.ping_due(now)) {
    const int64_t promise = times.ping(now);
    ping_due = promise > 0 ? str(promise) : std::string();
  }
  if (owes_word(paused) && now - said_ms >= options.dead_after_ms / 3) {
    if (!pong_due) pong_due.emplace();
    said_ms = now;
  }
  return {};
}

/// A sign of life that nobody asked for: the peer's pings wait behind bulk data, or we are not reading them.
bool Connection::Impl::owes_word(bool paused) const {
  return options.dead_after_ms > 0 && (paused || (heard_since_word && !times.resting()));
}

int64_t Connection::Impl::next_timer(int64_t now, bool paused) const {
  int64_t wait_ms = std::min<int64_t>(60'000, times.next() - now);
  if (owes_word(paused)) wait_ms = std::min(wait_ms, std::max<int64_t>(said_ms + options.dead_after_ms / 3 - now, 10));
  if (write_error) wait_ms = std::min(wait_ms, write_failed_ms + kDrainMs - now);
  return std::max<int64_t>(wait_ms, 0);
}

void Connection::Impl::wait(bool progress) {
  const bool write_blocked = !write_error && !writer.empty();
  const bool input_first = write_blocked && stream->write_waits_for_input();
  const int64_t now = pump_now_ms();
  int64_t timeout_ms = 0;
  bool paused = false;
  {
    const std::lock_guard lock(mutex);
    paused = reading_paused;
    timeout_ms = next_timer(now, paused);
    const bool readable = paused && incoming_bytes < options.receive_limit_bytes / 2;
    const bool writable = !write_error && !write_blocked && (!outgoing.empty() || pong_due || ping_due);
    if (progress || closing || readable || writable) timeout_ms = 0;
    sleeping = timeout_ms > 0;
  }
  if (timeout_ms > 0 && !paused && stream->read_pending()) timeout_ms = 0;
  pollfd fds[3] = {{wake_fd, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLOUT, 0}};
  // A descriptor nobody waits for is left out: poll would report its hangup again and again.
  if (!paused || input_first) fds[1].fd = stream->read_fd();
  if (stream_holds_output || (write_blocked && !input_first)) fds[2].fd = stream->write_fd();
  ::poll(fds, 3, static_cast<int>(timeout_ms));
  uint64_t drained = 0;
  if (fds[0].revents != 0 && ::read(wake_fd, &drained, sizeof drained) < 0) return;
  const std::lock_guard lock(mutex);
  sleeping = false;
}

}  // namespace twsync
