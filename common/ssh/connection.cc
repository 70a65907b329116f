#include "common/ssh/connection.h"

#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/ssh/frame_codec.h"

namespace twsync {

namespace {

constexpr size_t kFrameCost = 64;    ///< so that empty frames fill a queue too
constexpr int kMovesPerTurn = 16;    ///< reads or writes before the other direction gets its turn
constexpr int64_t kDrainMs = 2'000;  ///< reading on after a failed write: the peer's last words
constexpr size_t kShownNoise = 1'000;

int64_t now_ms() {
  return SystemClock().steady_ns() / kMillisecond;
}

size_t cost(const Frame& frame) {
  return frame.payload.size() + kFrameCost;
}

}  // namespace

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
  int64_t next_timer(int64_t now) const;
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
  bool ping_due = false;
  bool stream_holds_output = false;  ///< the stream's own buffer is not empty
  bool heard_since_word = false;     ///< bytes came since we last said anything
  int64_t heard_ms = 0;
  int64_t said_ms = 0;
  int64_t pinged_ms = 0;
  std::vector<Frame> batch;
  std::atomic<uint64_t> bytes_out{0};
  std::atomic<uint64_t> bytes_in{0};
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

Connection::Impl::Impl(std::unique_ptr<ByteStream> byte_stream, ConnectionOptions connection_options)
    : options(connection_options),
      name(byte_stream->describe()),
      stream(std::move(byte_stream)),
      reader(options.expect_magic) {
  wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  SYNC_CHECK(wake_fd >= 0, "eventfd failed");
  heard_ms = said_ms = pinged_ms = now_ms();
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
  if (was_paused && !reading_paused) heard_ms = now_ms();
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
  heard_ms = now_ms();
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
    if (frame.type == FrameType::ping) pong_due = frame.payload.substr(0, 16);
    return frame.type == FrameType::ping || frame.type == FrameType::pong;
  });
}

void Connection::Impl::deliver(std::vector<Frame>& frames) {
  if (frames.empty()) return;
  {
    const std::lock_guard lock(mutex);
    for (Frame& frame : frames) {
      incoming_bytes += cost(frame);
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
    writer.add(Frame{FrameType::ping, 0, {}});
    ping_due = false;
  }
  const std::lock_guard lock(mutex);
  const size_t before = outgoing_bytes;
  while (!outgoing.empty() && writer.has_room()) {
    outgoing_bytes -= cost(outgoing.front());
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
      write_failed_ms = now_ms();
      return {};
    }
    if (*taken == 0) return {};
    bytes_out += *taken;
    progress = true;
    said_ms = now_ms();
    heard_since_word = false;
  }
  return {};
}

Status Connection::Impl::check_timers() {
  const int64_t now = now_ms();
  bool paused = false;
  {
    const std::lock_guard lock(mutex);
    paused = reading_paused;
  }
  if (write_error && now - write_failed_ms >= kDrainMs) return *write_error;
  if (paused) heard_ms = now;  // it is we who are not reading
  if (options.dead_after_ms > 0 && now - heard_ms >= options.dead_after_ms) {
    return Error{
        ErrorCode::unreachable,
        str("no answer from ", name, " for ", options.dead_after_ms / 1'000, " s: the connection is considered dead"),
        {},
        0};
  }
  if (options.ping_interval_ms > 0 && now - pinged_ms >= options.ping_interval_ms) {
    ping_due = true;
    pinged_ms = now;
  }
  // A sign of life that nobody asked for: the peer's pings wait behind bulk data, or we are not reading them.
  if (options.dead_after_ms > 0 && (paused || heard_since_word) && now - said_ms >= options.dead_after_ms / 3) {
    if (!pong_due) pong_due.emplace();
    said_ms = now;
  }
  return {};
}

int64_t Connection::Impl::next_timer(int64_t now) const {
  int64_t wait_ms = 60'000;
  if (options.ping_interval_ms > 0) wait_ms = std::min(wait_ms, pinged_ms + options.ping_interval_ms - now);
  if (options.dead_after_ms > 0) {
    wait_ms = std::min(wait_ms, heard_ms + options.dead_after_ms - now);
    wait_ms = std::min(wait_ms, std::max<int64_t>(said_ms + options.dead_after_ms / 3 - now, 10));
  }
  if (write_error) wait_ms = std::min(wait_ms, write_failed_ms + kDrainMs - now);
  return std::max<int64_t>(wait_ms, 0);
}

void Connection::Impl::wait(bool progress) {
  const bool write_blocked = !write_error && !writer.empty();
  const bool input_first = write_blocked && stream->write_waits_for_input();
  int64_t timeout_ms = next_timer(now_ms());
  bool paused = false;
  {
    const std::lock_guard lock(mutex);
    paused = reading_paused;
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

Error Connection::Impl::explain(Error error) const {
  if (reader.magic_seen() || error.code == ErrorCode::cancelled) return error;
  const std::string& noise = reader.noise();
  error.message = str("the agent did not start: ", error.message);
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

template <class Done>
bool Connection::Impl::wait_for(std::unique_lock<std::mutex>& lock, std::condition_variable& cv, int64_t timeout_ms,
                                Done done) {
  if (timeout_ms >= 0) return cv.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
  cv.wait(lock, done);
  return true;
}

Connection::Connection(std::unique_ptr<ByteStream> stream, ConnectionOptions options)
    : impl_(std::make_unique<Impl>(std::move(stream), options)) {}

Connection::~Connection() {
  close();
}

Status Connection::wait_started(int64_t timeout_ms) {
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  const auto ready = [&impl] { return impl.over || impl.started; };
  if (!impl.wait_for(lock, impl.has_started, timeout_ms, ready)) {
    return Error{ErrorCode::timeout, str("no agent answered at ", impl.name, " in ", timeout_ms, " ms"), {}, 0};
  }
  if (impl.started) return {};
  return *impl.over;
}

Status Connection::send(FrameType type, uint32_t stream, std::string payload) {
  if (payload.size() > kMaxFrame)
    return Error{ErrorCode::bug, str("a frame of ", payload.size(), " bytes is too large to send"), {}, 0};
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  impl.can_send.wait(lock, [&impl] { return impl.over || impl.outgoing_bytes < impl.options.send_limit_bytes; });
  if (impl.over) return *impl.over;
  Frame frame{type, stream, std::move(payload)};
  impl.outgoing_bytes += cost(frame);
  impl.outgoing.push_back(std::move(frame));
  if (!impl.sleeping) return {};
  impl.sleeping = false;
  lock.unlock();
  impl.wake();
  return {};
}

Result<Frame> Connection::receive(int64_t timeout_ms) {
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  const auto ready = [&impl] { return impl.over || !impl.incoming.empty(); };
  if (!impl.wait_for(lock, impl.can_receive, timeout_ms, ready)) {
    return Error{ErrorCode::timeout, str("no message from ", impl.name, " in ", timeout_ms, " ms"), {}, 0};
  }
  if (impl.over && (impl.closing || impl.incoming.empty())) return *impl.over;
  Frame frame = std::move(impl.incoming.front());
  impl.incoming.pop_front();
  impl.incoming_bytes -= cost(frame);
  if (!impl.sleeping || !impl.reading_paused || impl.incoming_bytes >= impl.options.receive_limit_bytes / 2)
    return frame;
  impl.sleeping = false;
  lock.unlock();
  impl.wake();
  return frame;
}

Status Connection::flush(int64_t timeout_ms) {
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  const auto done = [&impl] { return impl.over || (impl.outgoing.empty() && !impl.writing); };
  if (!impl.wait_for(lock, impl.flushed, timeout_ms, done)) {
    return Error{ErrorCode::timeout, str(impl.name, " did not take everything in ", timeout_ms, " ms"), {}, 0};
  }
  if (impl.over) return *impl.over;
  return {};
}

void Connection::close() {
  Impl& impl = *impl_;
  {
    const std::lock_guard lock(impl.mutex);
    if (!impl.over) impl.over = Error{ErrorCode::cancelled, str("the session with ", impl.name, " was closed"), {}, 0};
    impl.closing = true;
    if (impl.stream_alive) impl.stream->interrupt();
  }
  impl.wake();
  impl.can_send.notify_all();
  impl.can_receive.notify_all();
  impl.flushed.notify_all();
  impl.has_started.notify_all();
}

uint64_t Connection::bytes_sent() const {
  return impl_->bytes_out;
}
uint64_t Connection::bytes_received() const {
  return impl_->bytes_in;
}
std::string Connection::describe() const {
  return impl_->name;
}

}  // namespace twsync
