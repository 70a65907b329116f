#include <algorithm>
#include <deque>
#include <set>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/zmq/endpoints.h"

namespace twsync {

namespace {
constexpr int64_t kRetryNs = 2 * kSecond;  // Lazy Pirate: a reply later than this is asked for again on a fresh socket
constexpr int64_t kPingNs = kSecond;
constexpr int64_t kSilenceNs = 5 * kSecond;  // then the socket is reopened and the requests attached again
constexpr int64_t kGoneNs = 12 * kSecond;    // then next_event() says unreachable
}  // namespace

struct BrokerClient::Impl {
  Impl(ZmqContext& c, BrokerEndpoints e) : context(c), endpoints(std::move(e)) {}

  ZmqContext& context;
  const BrokerEndpoints endpoints;
  SystemClock clock;
  std::optional<ZmqSocket> socket;
  std::deque<Message> unsent;  // while the connection is being made
  std::deque<Event> events;
  std::set<std::string> followed;  // requests without a summary yet
  uint64_t broker_life = 0;        // 0 = not known yet
  int64_t last_heard = 0, last_ping = 0, last_open = 0, last_poll = 0;

  Status reopen();
  Status attach_again();
  Status flush();
  Status send(Envelope envelope, std::string body);
  Status wait(int64_t until);
  Result<bool> receive(Message& message);
  void take_event(const Message& message);
  Result<Message> call(const Envelope& envelope, const std::string& body, int timeout_ms);
  Status call_for_ack(const Envelope& envelope, const std::string& body, int timeout_ms);
};

Status BrokerClient::Impl::reopen() {
  unsent.clear();
  socket.reset();
  last_open = clock.steady_ns();
  SYNC_ASSIGN(auto opened, open_dealer(context, endpoints.front, "client"));
  socket.emplace(std::move(opened));
  return attach_again();
}

Status BrokerClient::Impl::attach_again() {
  for (const std::string& id : followed) {
    Envelope envelope;
    envelope.type = MessageType::attach;
    envelope.id = id;
    SYNC_TRY(send(envelope, id));
  }
  return {};
}

Status BrokerClient::Impl::flush() {
  while (!unsent.empty()) {
    SYNC_ASSIGN(const SendOutcome outcome, send_message(*socket, unsent.front().envelope, unsent.front().body));
    if (outcome != SendOutcome::sent) break;
    unsent.pop_front();
  }
  return {};
}

Status BrokerClient::Impl::send(Envelope envelope, std::string body) {
  unsent.push_back({std::move(envelope), std::move(body)});
  return flush();
}

Status BrokerClient::Impl::wait(int64_t until) {
  const int64_t left = std::max<int64_t>(0, until - clock.steady_ns());
  std::vector<PollItem> items(1);
  items[0].socket = &*socket;
  items[0].want_out = !unsent.empty();
  SYNC_TRY(poll_sockets(items, static_cast<int>((left + kMillisecond - 1) / kMillisecond)));
  return flush();
}

Result<bool> BrokerClient::Impl::receive(Message& message) {
  SYNC_ASSIGN(const bool got, receive_message(*socket, message));
  if (!got) return false;
  last_heard = clock.steady_ns();
  if (message.envelope.type == MessageType::heartbeat) {
    // Another broker answers on the same connection: it knows nothing of us.
    const bool another = std::exchange(broker_life, message.envelope.count) != message.envelope.count;
    if (another) SYNC_TRY(attach_again());
  }
  return true;
}

void BrokerClient::Impl::take_event(const Message& message) {
  auto event = decode<Event>(message.body);
  if (!event.ok()) return;
  if (event->kind == EventKind::summary) followed.erase(message.envelope.id);
  events.push_back(std::move(event).value());
}

Result<Message> BrokerClient::Impl::call(const Envelope& envelope, const std::string& body, int timeout_ms) {
  const int64_t deadline = clock.steady_ns() + int64_t{timeout_ms} * kMillisecond;
  for (;;) {
    SYNC_TRY(send(envelope, body));
    const int64_t retry_at = std::min(deadline, clock.steady_ns() + kRetryNs);
    do {
      Message reply;
      SYNC_ASSIGN(const bool got, receive(reply));
      if (!got) {
        SYNC_TRY(wait(retry_at));
      } else if (reply.envelope.type == MessageType::event) {
        take_event(reply);
      } else if (reply.envelope.id == envelope.id && reply.envelope.type != MessageType::heartbeat) {
        return reply;
      } else if (envelope.type == MessageType::heartbeat && reply.envelope.type == MessageType::heartbeat) {
        return reply;
      }
    } while (clock.steady_ns() < retry_at);
    if (clock.steady_ns() >= deadline) return Error{ErrorCode::unreachable, "the broker does not answer", {}, 0};
    SYNC_TRY(reopen());
  }
}

Status BrokerClient::Impl::call_for_ack(const Envelope& envelope, const std::string& body, int timeout_ms) {
  SYNC_ASSIGN(const Message reply, call(envelope, body, timeout_ms));
  if (reply.envelope.type == MessageType::ack) return {};
  if (reply.envelope.type != MessageType::refused)
    return Error{ErrorCode::peer_violation, "unexpected reply from the broker", {}, 0};
  return decode_error(reply.body);
}

BrokerClient::BrokerClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BrokerClient::~BrokerClient() = default;

Result<std::unique_ptr<BrokerClient>> BrokerClient::connect(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                            int timeout_ms) {
  SYNC_TRY(probe_endpoint(endpoints.front));
  auto impl = std::make_unique<Impl>(context, endpoints);
  SYNC_TRY(impl->reopen());
  auto pong = impl->call(Envelope{}, {}, timeout_ms);
  if (!pong.ok()) return std::move(pong).error();
  return std::unique_ptr<BrokerClient>(new BrokerClient(std::move(impl)));
}

Status BrokerClient::publish(const Publish& publish, const std::string& key, int timeout_ms) {
  Envelope envelope;
  envelope.type = MessageType::publish;
  envelope.id = key.empty() ? random_hex(16) : key;
  return impl_->call_for_ack(envelope, encode(publish), timeout_ms);
}

Status BrokerClient::request(const Request& request, int timeout_ms) {
  Envelope envelope;
  envelope.type = MessageType::request;
  envelope.pair = request.pair;
  envelope.id = request.id;
  impl_->followed.insert(request.id);
  auto done = impl_->call_for_ack(envelope, encode(request), timeout_ms);
  if (!done.ok()) impl_->followed.erase(request.id);
  return done;
}

Status BrokerClient::attach(const std::string& request_id, int timeout_ms) {
  Envelope envelope;
  envelope.type = MessageType::attach;
  envelope.id = request_id;
  impl_->followed.insert(request_id);
  auto done = impl_->call_for_ack(envelope, request_id, timeout_ms);
  if (!done.ok()) impl_->followed.erase(request_id);
  return done;
}

Result<StatusReply> BrokerClient::status(const StatusQuery& query, int timeout_ms) {
  Envelope envelope;
  envelope.type = MessageType::status;
  envelope.pair = query.pair;
  envelope.id = random_hex(8);
  SYNC_ASSIGN(const Message reply, impl_->call(envelope, encode(query), timeout_ms));
  if (reply.envelope.type == MessageType::status_reply) return decode<StatusReply>(reply.body);
  if (reply.envelope.type != MessageType::refused)
    return Error{ErrorCode::peer_violation, "unexpected reply from the broker", {}, 0};
  return decode_error(reply.body);
}

Result<std::optional<Event>> BrokerClient::next_event(int timeout_ms) {
  Impl& impl = *impl_;
  int64_t now = impl.clock.steady_ns();
  const int64_t deadline = now + int64_t{timeout_ms} * kMillisecond;
  // Time in which we did not listen is not the broker's silence.
  impl.last_heard += std::max<int64_t>(0, now - std::max(impl.last_poll, impl.last_heard) - kPingNs);
  for (;;) {
    Message message;
    SYNC_ASSIGN(const bool got, impl.receive(message));
    if (got && message.envelope.type == MessageType::event) impl.take_event(message);
    // An attach after a reconnection: the broker has lost the request, so nothing will ever come.
    if (got && message.envelope.type == MessageType::refused && impl.followed.erase(message.envelope.id) > 0) {
      return decode_error(message.body);
    }
    if (!impl.events.empty()) {
      Event event = std::move(impl.events.front());
      impl.events.pop_front();
      return std::optional<Event>(std::move(event));
    }
    now = impl.last_poll = impl.clock.steady_ns();
    if (got) continue;
    if (now - impl.last_heard > kGoneNs) return Error{ErrorCode::unreachable, "the broker went away", {}, 0};
    if (now - std::max(impl.last_heard, impl.last_open) > kSilenceNs) SYNC_TRY(impl.reopen());
    if (now - impl.last_ping >= kPingNs) {
      impl.last_ping = now;
      if (impl.unsent.empty()) SYNC_TRY(impl.send(Envelope{}, {}));
    }
    if (now >= deadline) return std::optional<Event>();
    SYNC_TRY(impl.wait(std::min(deadline, impl.last_ping + kPingNs)));
  }
}

}  // namespace twsync
