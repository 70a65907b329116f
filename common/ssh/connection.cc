#include "common/ssh/connection.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/ssh/connection_impl.h"

namespace twsync {

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
    return Error{ErrorCode::timeout,
                 str("no ", impl.options.peer, " answered at ", impl.name, " in ", timeout_ms, " ms"),
                 {},
                 0};
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
  impl.outgoing_bytes += queue_cost(frame);
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
  impl.incoming_bytes -= queue_cost(frame);
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

void Connection::rest_when_idle(int64_t ping_ms) {
  impl_->rest_ping_ms = ping_ms;
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
bool Connection::peer_has(std::string_view feature) const {
  return std::find(peer_features_.begin(), peer_features_.end(), feature) != peer_features_.end();
}
std::string Connection::describe() const {
  return impl_->name;
}

}  // namespace twsync
