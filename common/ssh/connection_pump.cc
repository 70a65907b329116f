#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "common/base/check.h"
#include "common/base/memory.h"
#include "common/base/text.h"
#include "common/ssh/connection_impl.h"

namespace twsync {

namespace {

constexpr int kMovesPerTurn = 16;  ///< reads or writes before the other direction gets its turn
constexpr size_t kShownNoise = 1'000;

/// Of the next ping, in ms: a decimal number, or nothing.
int64_t promise_of(std::string_view payload) {
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), ms);
  return error == std::errc() ? ms : 0;
}

}  // namespace

Connection::Impl::Impl(std::unique_ptr<ByteStream> byte_stream, ConnectionOptions connection_options)
    : options(connection_options),
      name(byte_stream->describe()),
      stream(std::move(byte_stream)),
      reader(options.expect_magic),
      times(options.ping_interval_ms, options.dead_after_ms, pump_now_ms()) {
  wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  SYNC_CHECK(wake_fd >= 0, "eventfd failed");
  said_ms = pump_now_ms();
  started = reader.magic_seen();
  if (options.send_magic) {
    writer.add_raw(kAgentMagic);
    writing = true;
  }
  // The pump takes no signals: handlers stay with the main thread, and SIGPIPE becomes EPIPE.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Connection::Impl::~Impl() {
  thread.join();
  ::close(wake_fd);
}

void Connection::Impl::run() {
  Status end = pump();
  finish(explain(std::move(end).error()));
  stream.reset();
}

/// Ends with an error only.
Status Connection::Impl::pump() {
  for (;;) {
    bool progress = false;
    {
      const std::lock_guard lock(mutex);
      if (closing) return Error{ErrorCode::cancelled, str("the session with ", name, " was closed"), {}, 0};
    }
    SYNC_TRY(read_turn(progress));
    SYNC_TRY(write_turn(progress));
    flush_turn();
    SYNC_TRY(check_timers());
    wait(progress);
  }
}

bool Connection::Impl::may_read() {
  const std::lock_guard lock(mutex);
  const size_t limit = reading_paused ? options.receive_limit_bytes / 2 : options.receive_limit_bytes;
  const bool was_paused = reading_paused;
  reading_paused = incoming_bytes >= std::max<size_t>(limit, 1);
  if (was_paused && !reading_paused) times.heard(pump_now_ms());
  return !reading_paused;
}

Status Connection::Impl::read_turn(bool& progress) {
  for (int i = 0; i < kMovesPerTurn && may_read(); ++i) {
    bool got = false;
    const Status status = read_batch(batch, got);
    take_control(batch);
    deliver(batch);  // also what came before the error
    SYNC_TRY(status);
    if (!got) return {};
    progress = true;
  }
  return {};
}

Status Connection::Impl::read_batch(std::vector<Frame>& frames, bool& got) {
  auto read = reader.read_from(*stream, frames);
  if (!read) return std::move(read).error();
  if (*read == 0) return {};
  got = true;
  note_started();
  bytes_in += *read;
  times.heard(pump_now_ms());
  heard_since_word = true;
  return {};
}

void Connection::Impl::note_started() {
  if (!reader.magic_seen() || started) return;  // only the pump writes `started`
  {
    const std::lock_guard lock(mutex);
    started = true;
  }
  has_started.notify_all();
}

void Connection::Impl::take_control(std::vector<Frame>& frames) {
  std::erase_if(frames, [this](Frame& frame) {
    if (frame.type == FrameType::ping) {
      pong_due = frame.payload.substr(0, 16);
      times.promised(promise_of(frame.payload));
      if (times.resting()) return_free_memory();
    }
    return frame.type == FrameType::ping || frame.type == FrameType::pong;
  });
}

void Connection::Impl::deliver(std::vector<Frame>& frames) {
  if (frames.empty()) return;
  times.carried(pump_now_ms());
  {
    const std::lock_guard lock(mutex);
    for (Frame& frame : frames) {
      incoming_bytes += queue_cost(frame);
      incoming.push_back(std::move(frame));
    }
  }
  frames.clear();
  can_receive.notify_all();
}

void Connection::Impl::refill() {
  if (pong_due && writer.has_room()) {
    writer.add(Frame{FrameType::pong, 0, std::move(*pong_due)});
    pong_due.reset();
  }
  if (ping_due && writer.has_room()) {
    writer.add(Frame{FrameType::ping, 0, std::move(*ping_due)});
    ping_due.reset();
  }
  const std::lock_guard lock(mutex);
  const size_t before = outgoing_bytes;
  if (!outgoing.empty()) times.carried(pump_now_ms());
  while (!outgoing.empty() && writer.has_room()) {
    outgoing_bytes -= queue_cost(outgoing.front());
    writer.add(std::move(outgoing.front()));
    outgoing.pop_front();
  }
  if (!writer.empty()) writing = true;
  if (outgoing_bytes < before && outgoing_bytes < options.send_limit_bytes) can_send.notify_all();
}

void Connection::Impl::flush_turn() {
  stream_holds_output = !write_error && !stream->flush_some();
  const std::lock_guard lock(mutex);
  writing = !writer.empty() || stream_holds_output;
  if (!writing && outgoing.empty()) flushed.notify_all();
}

Status Connection::Impl::write_turn(bool& progress) {
  if (write_error) return {};
  for (int i = 0; i < kMovesPerTurn; ++i) {
    refill();
    if (writer.empty()) return {};
    auto taken = writer.write_to(*stream);
    if (!taken) {
      // Reading goes on for a while: a peer that refuses us says why before it goes.
      write_error = std::move(taken).error();
      write_failed_ms = pump_now_ms();
      return {};
    }
    if (*taken == 0) return {};
    bytes_out += *taken;
    progress = true;
    said_ms = pump_now_ms();
    heard_since_word = false;
  }
  return {};
}

Error Connection::Impl::explain(Error error) const {
  if (reader.magic_seen() || error.code == ErrorCode::cancelled) return error;
  const std::string& noise = reader.noise();
  error.message = str("the ", options.peer, " did not start: ", error.message);
  if (!noise.empty()) {
    const size_t shown = std::min(noise.size(), kShownNoise);
    error.message += str("; instead of its greeting came: \"", escape_bytes(std::string_view(noise).substr(0, shown)),
                         noise.size() > shown ? "…\"" : "\"");
  }
  return error;
}

void Connection::Impl::finish(Error error) {
  {
    const std::lock_guard lock(mutex);
    if (!over) over = std::move(error);
    // Together with `over`: whoever learns of the end and closes must not interrupt a stream that ended by itself,
    // since its SSH session may be used again (bootstrap.cc).
    stream_alive = false;
    outgoing.clear();
  }
  can_send.notify_all();
  can_receive.notify_all();
  flushed.notify_all();
  has_started.notify_all();
}

void Connection::Impl::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
}

}  // namespace twsync
