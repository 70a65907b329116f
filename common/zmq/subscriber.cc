#include "common/zmq/subscriber.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "common/zmq/zmq_socket.h"

namespace twsync {

struct BrokerSubscriber::Impl {
  Impl(ZmqSocket s, int wake) : socket(std::move(s)), wake_fd(wake) {}
  ~Impl() { ::close(wake_fd); }
  ZmqSocket socket;
  const int wake_fd;
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
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return error_from_errno(errno, "eventfd");
  return std::unique_ptr<BrokerSubscriber>(new BrokerSubscriber(std::make_unique<Impl>(std::move(socket), wake_fd)));
}

void BrokerSubscriber::wake() {
  const uint64_t one = 1;
  (void)!::write(impl_->wake_fd, &one, sizeof one);
}

Result<std::optional<Event>> BrokerSubscriber::next(int timeout_ms) {
  for (;;) {
    std::vector<std::string> frames;
    SYNC_ASSIGN(const bool got, impl_->socket.receive(frames));
    if (!got) {
      if (timeout_ms == 0) return std::optional<Event>();
      std::vector<PollItem> items(2);
      items[0].socket = &impl_->socket;
      items[1].fd = impl_->wake_fd;
      SYNC_TRY(poll_sockets(items, std::exchange(timeout_ms, 0)));
      uint64_t count = 0;
      if (items[1].in) (void)!::read(impl_->wake_fd, &count, sizeof count);
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
