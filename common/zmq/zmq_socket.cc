#include "common/zmq/zmq_socket.h"

#include <zmq.hpp>

#include "common/base/hasher.h"
#include "common/base/text.h"

namespace twsync {

struct ZmqContext::Impl {
  zmq::context_t context{1};
};

ZmqContext::ZmqContext() : impl_(std::make_unique<Impl>()) {}
ZmqContext::~ZmqContext() = default;

struct ZmqSocket::Impl {
  zmq::socket_t socket;
};

namespace {

Error zmq_error(const zmq::error_t& e, std::string_view what) {
  if (e.num() == ETERM) return {ErrorCode::cancelled, str(what, ": shutting down"), {}, 0};
  ErrorCode code = ErrorCode::io;
  if (e.num() == EADDRINUSE) code = ErrorCode::busy;
  if (e.num() == EACCES) code = ErrorCode::denied;
  if (e.num() == ENAMETOOLONG || e.num() == EINVAL || e.num() == EPROTONOSUPPORT) code = ErrorCode::usage;
  if (e.num() == ECONNREFUSED || e.num() == ENOENT) code = ErrorCode::unreachable;
  return {code, str(what, ": ", e.what()), {}, e.num()};
}

zmq::socket_type native(SocketKind kind) {
  switch (kind) {
    case SocketKind::router:
      return zmq::socket_type::router;
    case SocketKind::dealer:
      return zmq::socket_type::dealer;
    case SocketKind::pub:
      return zmq::socket_type::pub;
    case SocketKind::sub:
      return zmq::socket_type::sub;
    case SocketKind::pair:
      return zmq::socket_type::pair;
    case SocketKind::rep:
      break;
  }
  return zmq::socket_type::rep;
}

// Every call of ZeroMQ takes in its commands before it does anything of its own, and a signal can end that part with
// EINTR. None of the calls made by this waits, so nothing is missed by doing it again.
template <class Call>
auto undisturbed(Call&& call) {
  for (;;) {
    try {
      return call();
    } catch (const zmq::error_t& e) {
      if (e.num() != EINTR) throw;
    }
  }
}

template <class Call>
Status guarded(std::string_view what, Call&& call) {
  try {
    undisturbed(call);
    return {};
  } catch (const zmq::error_t& e) {
    return zmq_error(e, what);
  }
}

void configure(zmq::socket_t& socket, SocketKind kind, const SocketOptions& options) {
  socket.set(zmq::sockopt::linger, options.linger_ms);
  socket.set(zmq::sockopt::sndhwm, options.send_hwm);
  socket.set(zmq::sockopt::rcvhwm, options.receive_hwm);
  socket.set(zmq::sockopt::maxmsgsize, options.max_message_bytes);
  socket.set(zmq::sockopt::immediate, options.immediate);
  if (kind == SocketKind::router) {
    socket.set(zmq::sockopt::router_mandatory, true);
    socket.set(zmq::sockopt::router_handover, true);
  }
  if (!options.identity.empty()) socket.set(zmq::sockopt::routing_id, options.identity);
  if (!options.zap_domain.empty()) socket.set(zmq::sockopt::zap_domain, options.zap_domain);
}

}  // namespace

ZmqSocket::ZmqSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZmqSocket::ZmqSocket(ZmqSocket&&) noexcept = default;
ZmqSocket& ZmqSocket::operator=(ZmqSocket&& other) noexcept {
  std::swap(impl_, other.impl_);
  std::swap(watch_, other.watch_);
  return *this;
}
ZmqSocket::~ZmqSocket() {
  // First: ZeroMQ's thread would wait for room in a watch that nobody reads any more.
  if (watch_) ::zmq_socket_monitor(impl_->socket.handle(), nullptr, 0);
}

Result<ZmqSocket> ZmqSocket::open(ZmqContext& context, SocketKind kind, const SocketOptions& options) {
  auto impl = std::make_unique<Impl>();
  SYNC_TRY(guarded("socket", [&] {
    impl->socket = zmq::socket_t(context.impl().context, native(kind));
    configure(impl->socket, kind, options);
  }));
  return ZmqSocket(std::move(impl));
}

Status ZmqSocket::bind(const std::string& endpoint) {
  return guarded(str("bind ", endpoint), [&] { impl_->socket.bind(endpoint); });
}

Status ZmqSocket::connect(const std::string& endpoint) {
  return guarded(str("connect ", endpoint), [&] { impl_->socket.connect(endpoint); });
}

void ZmqSocket::unbind(const std::string& endpoint) {
  (void)guarded("unbind", [&] { impl_->socket.unbind(endpoint); });
}

Status ZmqSocket::subscribe(std::string_view topic) {
  return guarded("subscribe", [&] { impl_->socket.set(zmq::sockopt::subscribe, topic); });
}

Status ZmqSocket::watch_connections(ZmqContext& context) {
  const std::string name = str("inproc://watch-", random_hex(8));
  // What a killed process leaves behind is a connection that ended, and a new broker is one that came.
  constexpr int kEvents = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
  SYNC_TRY(guarded("watch of connections", [&] {
    if (::zmq_socket_monitor(impl_->socket.handle(), name.c_str(), kEvents) != 0) throw zmq::error_t();
  }));
  SocketOptions options;
  options.linger_ms = 0;
  options.receive_hwm = 0;  // never full
  options.immediate = false;
  auto opened = open(context, SocketKind::pair, options);
  Status connected = opened.ok() ? opened->connect(name) : Status(opened.error());
  if (!connected.ok()) {
    ::zmq_socket_monitor(impl_->socket.handle(), nullptr, 0);
    return connected;
  }
  watch_ = std::make_unique<ZmqSocket>(std::move(opened).value());
  return {};
}

Result<bool> ZmqSocket::connections_changed() {
  std::vector<std::string> frames;
  bool changed = false;
  while (watch_) {
    SYNC_ASSIGN(const bool got, watch_->receive(frames));
    if (!got) break;
    changed = true;
  }
  return changed;
}

Result<SendOutcome> ZmqSocket::send(const std::vector<std::string_view>& frames) {
  try {
    // Only the first frame can be refused: a router decides about the peer there, and a queue takes whole messages.
    for (size_t i = 0; i < frames.size(); ++i) {
      const bool last = i + 1 == frames.size();
      const auto flags = last ? zmq::send_flags::dontwait : zmq::send_flags::dontwait | zmq::send_flags::sndmore;
      const zmq::const_buffer frame(frames[i].data(), frames[i].size());
      if (!undisturbed([&] { return impl_->socket.send(frame, flags); })) return SendOutcome::full;
    }
    return SendOutcome::sent;
  } catch (const zmq::error_t& e) {
    if (e.num() == EHOSTUNREACH) return SendOutcome::gone;
    return zmq_error(e, "send");
  }
}

Result<bool> ZmqSocket::receive(std::vector<std::string>& frames, std::string* user) {
  frames.clear();
  try {
    zmq::message_t part;
    bool more = true;
    while (more) {
      if (!undisturbed([&] { return impl_->socket.recv(part, zmq::recv_flags::dontwait); })) return false;
      more = part.more();
      if (frames.size() < kMaxFrames) frames.emplace_back(static_cast<const char*>(part.data()), part.size());
    }
    if (user != nullptr) {
      // Not gets() of cppzmq: that throws when the connection has no such property.
      const char* id = ::zmq_msg_gets(part.handle(), "User-Id");
      *user = id == nullptr ? "" : id;
    }
    return true;
  } catch (const zmq::error_t& e) {
    return zmq_error(e, "receive");
  }
}

Status poll_sockets(std::vector<PollItem>& items, int timeout_ms) {
  std::vector<zmq::pollitem_t> native_items;
  native_items.reserve(items.size());
  for (PollItem& item : items) {
    const short events = static_cast<short>(item.want_out ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN);
    void* socket = item.socket != nullptr ? item.socket->impl().socket.handle() : nullptr;
    native_items.push_back({socket, item.fd, events, 0});
    item.in = item.out = false;
  }
  try {
    zmq::poll(native_items, std::chrono::milliseconds(timeout_ms));
  } catch (const zmq::error_t& e) {
    if (e.num() == EINTR) return {};
    return zmq_error(e, "poll");
  }
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].in = (native_items[i].revents & ZMQ_POLLIN) != 0;
    items[i].out = (native_items[i].revents & ZMQ_POLLOUT) != 0;
  }
  return {};
}

}  // namespace twsync
