#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include "common/base/memory.h"
#include "common/zmq/beat_times.h"
#include "common/zmq/endpoints.h"

namespace twsync {

struct WorkerLink::Impl {
  Impl(ZmqContext& c, BrokerEndpoints e, WorkerReady r, Clock& k)
      : context(c), endpoints(std::move(e)), ready(std::move(r)), clock(k) {}
  ~Impl() {
    if (wake_fd >= 0) ::close(wake_fd);
  }

  ZmqContext& context;
  const BrokerEndpoints endpoints;
  WorkerReady ready;
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
  bool lost = false;             // an earlier socket had heard it
  bool reconnected = false;
  bool known = false;  // some socket had heard it
  bool can_send = false;
  BeatTimes beats;
  int64_t last_poll = 0;

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
  lost = lost || beats.ever_heard();
  if (lost) {
    // Results of void tasks are of no use to anyone; a hint always is.
    std::erase_if(outgoing, [](const Message& m) { return m.envelope.type != MessageType::publish; });
  }
  registered = can_send = false;
  beats.opened(clock.steady_ns());
  socket.reset();
  SYNC_ASSIGN(auto opened, open_dealer(context, endpoints.back, ready.service));
  // Where nobody tells when a connection ends, only heartbeats do.
  ready.rests = !ipc_path(endpoints.back).empty() && opened.watch_connections(context).ok();
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
    beats.beaten(clock.steady_ns());
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
      beats.heard(clock.steady_ns());
      SYNC_TRY(reopen());
      SYNC_TRY(flush());
      return false;
    }
    if (!std::exchange(known, true)) woken = true;
    const bool beat = message.envelope.type == MessageType::heartbeat;
    if (beat) {
      const int64_t interval = heard_interval(message.envelope.count);
      beats.heard_beat(clock.steady_ns(), interval);
      if (interval > kBeatNs) return_free_memory();
    } else {
      beats.heard(clock.steady_ns());
    }
    if (lost) {
      lost = false;
      reconnected = true;
      woken = true;  // nothing else may come for a long time
    }
    if (!beat) return true;
  }
}

Status WorkerLink::Impl::keep_alive(int64_t now) {
  SYNC_ASSIGN(const bool changed, socket->connections_changed());
  if (changed && beats.ever_heard()) beats.connection_changed(now);
  if (beats.gone(now, can_send)) {
    SYNC_TRY(reopen());
    SYNC_TRY(flush());
  }
  if (!registered || !beats.beat_due(now)) return {};
  beats.beaten(now);
  if (!outgoing.empty()) return {};
  Heartbeat beat;
  beat.asks = beats.asks();
  {
    const std::lock_guard lock(mutex);
    beat.doing = doing;
  }
  auto outcome = send_message(*socket, Envelope{}, encode(beat));
  if (!outcome.ok()) return std::move(outcome).error();
  return {};
}

Status WorkerLink::Impl::wait(int64_t now, int64_t deadline) {
  const int64_t until = std::min(deadline, std::max(beats.next_beat(), now + kMillisecond));
  // `ready` waits for a connection, of which only a socket that can send tells.
  const int64_t longest = (registered ? kRestBeatNs : kSecond / 10) / kMillisecond;
  const int64_t wait_ms = std::clamp<int64_t>((until - now + kMillisecond - 1) / kMillisecond, 0, longest);
  const bool pending = !registered || !outgoing.empty();
  std::vector<PollItem> items(2);
  items[0].socket = &*socket;
  items[0].want_out = pending;
  items[1].fd = wake_fd;
  if (socket->watch() != nullptr) items.emplace_back().socket = socket->watch();
  SYNC_TRY(poll_sockets(items, static_cast<int>(wait_ms)));
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
  const int64_t deadline = timeout_ms < 0 ? INT64_MAX : now + int64_t{timeout_ms} * kMillisecond;
  impl_->beats.absent(std::max<int64_t>(0, now - impl_->last_poll - kBeatNs));
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

bool WorkerLink::known() const {
  return impl_->known;
}

bool WorkerLink::take_reconnected() {
  return std::exchange(impl_->reconnected, false);
}

void WorkerLink::set_doing(std::string text) {
  const std::lock_guard lock(impl_->mutex);
  impl_->doing = std::move(text);
}

}  // namespace twsync
