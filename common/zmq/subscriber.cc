#include "common/zmq/subscriber.h"

#include <utility>
#include <vector>

#include "common/zmq/zmq_socket.h"

namespace twsync {

struct BrokerSubscriber::Impl {
  explicit Impl(ZmqSocket s) : socket(std::move(s)) {}
  ZmqSocket socket;
};

BrokerSubscriber::BrokerSubscriber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BrokerSubscriber::~BrokerSubscriber() = default;

Result<std::unique_ptr<BrokerSubscriber>> BrokerSubscriber::connect(ZmqContext& context,
                                                                    const BrokerEndpoints& endpoints,
                                                                    const std::string& pair) {
  SocketOptions options;
  options.linger_ms = 0;
  SYNC_ASSIGN(auto socket, ZmqSocket::open(context, SocketKind::sub, options));
  SYNC_TRY(socket.subscribe(pair));
  SYNC_TRY(socket.connect(endpoints.pub));
  return std::unique_ptr<BrokerSubscriber>(new BrokerSubscriber(std::make_unique<Impl>(std::move(socket))));
}

Result<std::optional<Event>> BrokerSubscriber::next(int timeout_ms) {
  for (;;) {
    std::vector<std::string> frames;
    SYNC_ASSIGN(const bool got, impl_->socket.receive(frames));
    if (!got) {
      if (timeout_ms <= 0) return std::optional<Event>();
      std::vector<PollItem> items(1);
      items[0].socket = &impl_->socket;
      SYNC_TRY(poll_sockets(items, std::exchange(timeout_ms, 0)));
      continue;
    }
    // [topic] [envelope] [body]
    if (frames.size() != 3) continue;
    auto envelope = decode<Envelope>(frames[1]);
    if (!envelope.ok() || envelope->schema != kBrokerSchema || envelope->type != MessageType::event) continue;
    auto event = decode<Event>(frames[2]);
    if (event.ok()) return std::optional(std::move(event).value());
  }
}

}  // namespace twsync
