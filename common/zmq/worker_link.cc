#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include "common/zmq/endpoints.h"

namespace twsync {

namespace {
constexpr int64_t kBeatNs = kSecond;
constexpr int64_t kLivenessNs = 3 * kBeatNs;
// A broker that still accepts messages but says nothing may be waiting for its disk: reconnecting would only throw away
// the tasks in flight.
constexpr int64_t kStalledNs = 15 * kSecond;
}  // namespace

struct WorkerLink::Impl {
  Impl(ZmqContext& c, BrokerEndpoints e, WorkerReady r, Clock& k)
      : context(c), endpoints(std::move(e)), ready(std::move(r)), clock(k) {}
  ~Impl() {
    if (wake_fd >= 0) ::close(wake_fd);
  }

  ZmqContext& context;
  const BrokerEndpoints endpoints;
  const WorkerReady ready;
  Clock& clock;
  int wake_fd = -1;
  std::atomic<bool> woken{false};

  std::mutex mutex;  // guards posted and doing
  std::deque<Message> posted;
  std::string doing = "idle";

  // The polling thread's own.
  std::optional<ZmqSocket> socket;
  std::deque<Message> outgoing;  // not yet taken by ZeroMQ
  bool registered = false;       // ready was handed over on this socket
  bool heard = false;            // the broker spoke on this socket
  bool lost = false;             // an earlier socket had heard it
  bool reconnected = false;
  bool can_send = false;
  int64_t last_heard = 0, last_beat = 0, last_poll = 0;

  Status reopen();
  Status flush();
  Result<bool> receive(Message& message);
  Status keep_alive(int64_t now);
  Status wait(int64_t now, int64_t deadline);
  void ring() const {
    const uint64_t one = 1;
    (void)!::write(wake_fd, &one, sizeof one);
  }
};

Status WorkerLink::Impl::reopen() {
  lost = lost || heard;
  if (lost) {
    // Results of void tasks are of no use to anyone; a hint always is.
    std::erase_if(outgoing, [](const Message& m) { return m.envelope.type != MessageType::publish; });
  }
  registered = heard = can_send = false;
  last_heard = clock.steady_ns();
  socket.reset();
  SYNC_ASSIGN(auto opened, open_dealer(context, endpoints.back, ready.service));
  socket.emplace(std::move(opened));
  return {};
}

Status WorkerLink::Impl::flush() {
  {
    const std::lock_guard lock(mutex);
    std::move(posted.begin(), posted.end(), std::back_inserter(outgoing));
    posted.clear();
  }
  if (!registered) {
    Envelope envelope;
    envelope.type = MessageType::ready;
    envelope.service = ready.service;
    SYNC_ASSIGN(const SendOutcome outcome, send_message(*socket, envelope, encode(ready)));
    if (outcome != SendOutcome::sent) return {};
    registered = true;
    last_beat = clock.steady_ns();
  }
  while (!outgoing.empty()) {
    SYNC_ASSIGN(const SendOutcome outcome, send_message(*socket, outgoing.front().envelope, outgoing.front().body));
    if (outcome != SendOutcome::sent) break;
    outgoing.pop_front();
  }
  return {};
}

// True: a message for the worker. Heartbeats and goodbyes are dealt with here.
Result<bool> WorkerLink::Impl::receive(Message& message) {
  for (;;) {
    SYNC_ASSIGN(const bool got, receive_message(*socket, message));
    if (!got) return false;
    if (message.envelope.type == MessageType::goodbye) {
      // It does not know us: restarted, or it gave us up while we were stopped.
      heard = true;
      SYNC_TRY(reopen());
      SYNC_TRY(flush());
      return false;
    }
    last_heard = clock.steady_ns();
    if (lost) {
      lost = false;
      reconnected = true;
    }
    heard = true;
    if (message.envelope.type != MessageType::heartbeat) return true;
  }
}

Status WorkerLink::Impl::keep_alive(int64_t now) {
  const int64_t silent = now - last_heard;
  // Never reopen a socket on which nobody answered yet: ZeroMQ keeps trying by itself.
  if (heard && silent > kLivenessNs && (!can_send || silent > kStalledNs)) {
    SYNC_TRY(reopen());
    SYNC_TRY(flush());
  }
  if (!registered || now - last_beat < kBeatNs) return {};
  last_beat = now;
  if (!outgoing.empty()) return {};
  Heartbeat beat;
  {
    const std::lock_guard lock(mutex);
    beat.doing = doing;
  }
  auto outcome = send_message(*socket, Envelope{}, encode(beat));
  if (!outcome.ok()) return std::move(outcome).error();
  return {};
}

Status WorkerLink::Impl::wait(int64_t now, int64_t deadline) {
  const int64_t until = std::min(deadline, std::max(last_beat + kBeatNs, now + kMillisecond));
  const int64_t wait_ms = std::max<int64_t>(0, (until - now + kMillisecond - 1) / kMillisecond);
  const bool pending = !registered || !outgoing.empty();
  std::vector<PollItem> items(2);
  items[0].socket = &*socket;
  items[0].want_out = pending;
  items[1].fd = wake_fd;
  SYNC_TRY(poll_sockets(items, static_cast<int>(std::min<int64_t>(wait_ms, registered ? 1000 : 100))));
  if (items[1].in) {
    uint64_t count = 0;
    (void)!::read(wake_fd, &count, sizeof count);
  }
  std::vector<PollItem> sendable(1);
  sendable[0].socket = &*socket;
  sendable[0].want_out = true;
  SYNC_TRY(poll_sockets(sendable, 0));
  can_send = sendable[0].out;
  return {};
}

WorkerLink::WorkerLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<WorkerLink>> WorkerLink::connect(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                        WorkerReady ready, Clock& clock) {
  auto impl = std::make_unique<Impl>(context, endpoints, std::move(ready), clock);
  impl->wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (impl->wake_fd < 0) return error_from_errno(errno, "eventfd");
  SYNC_TRY(impl->reopen());
  SYNC_TRY(impl->flush());
  impl->last_poll = clock.steady_ns();
  return std::unique_ptr<WorkerLink>(new WorkerLink(std::move(impl)));
}

WorkerLink::~WorkerLink() {
  if (!impl_->flush().ok() || !impl_->registered) return;
  Envelope envelope;
  envelope.type = MessageType::goodbye;
  (void)send_message(*impl_->socket, envelope, {});
}

Result<std::optional<Message>> WorkerLink::poll(int timeout_ms) {
  int64_t now = impl_->clock.steady_ns();
  const int64_t deadline = now + int64_t{timeout_ms} * kMillisecond;
  // Time in which we did not listen is not the broker's silence.
  impl_->last_heard += std::max<int64_t>(0, now - impl_->last_poll - kBeatNs);
  for (;;) {
    impl_->last_poll = now;
    SYNC_TRY(impl_->flush());
    Message message;
    SYNC_ASSIGN(const bool got, impl_->receive(message));
    SYNC_TRY(impl_->keep_alive(now));
    if (got) return std::optional<Message>(std::move(message));
    if (impl_->woken.exchange(false) || now >= deadline) return std::optional<Message>();
    SYNC_TRY(impl_->wait(now, deadline));
    now = impl_->clock.steady_ns();
  }
}

void WorkerLink::post(Envelope envelope, std::string body) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back({std::move(envelope), std::move(body)});
  }
  impl_->ring();
}

void WorkerLink::wake() {
  impl_->woken = true;
  impl_->ring();
}

bool WorkerLink::take_reconnected() {
  return std::exchange(impl_->reconnected, false);
}

void WorkerLink::set_doing(std::string text) {
  const std::lock_guard lock(impl_->mutex);
  impl_->doing = std::move(text);
}

}  // namespace twsync
