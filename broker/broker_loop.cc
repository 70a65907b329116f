#include "broker/broker_loop.h"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "broker/file_lock.h"
#include "broker/members.h"
#include "common/base/memory.h"
#include "common/base/text.h"
#include "common/zmq/endpoints.h"
#include "common/zmq/zap.h"

namespace twsync {

namespace {

constexpr size_t kMaxMessagesPerTurn = 4096;
constexpr size_t kMaxBytesPerTurn = 32U << 20U;
constexpr int64_t kFrontMessageBytes = 8LL << 20;
constexpr int64_t kBackMessageBytes = 64LL << 20;
constexpr int64_t kRetrySendNs = 10 * kMillisecond;  // ZeroMQ doesn't tell when one peer of a router has room again
constexpr size_t kMaxSocketPath = 100;
constexpr int64_t kLongestWaitNs = 3600 * kSecond;
constexpr int kLastTurns = 100;  // after a stop: bounded, whatever peers go on saying

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Socket files take their mode from the umask.
class PrivateUmask {
 public:
  PrivateUmask() : old_(::umask(077)) {}
  ~PrivateUmask() { ::umask(old_); }
  PrivateUmask(const PrivateUmask&) = delete;
  PrivateUmask& operator=(const PrivateUmask&) = delete;

 private:
  mode_t old_;
};

}  // namespace

struct Broker::Impl {
  Impl(BrokerOptions o, Clock& c)
      : options(std::move(o)), clock(c), outbox(options.client_soft_bytes, options.client_hard_bytes) {}
  ~Impl() {
    if (wake_fd >= 0) ::close(wake_fd);
    if (is_ipc()) return;
    if (front) front->unbind(options.endpoints.front);
    if (back) back->unbind(options.endpoints.back);
    if (pub) pub->unbind(options.endpoints.pub);
  }

  BrokerOptions options;
  Clock& clock;
  int wake_fd = -1;
  std::vector<FileLock> locks;
  std::unique_ptr<BrokerCore> core;
  // ipc: our own, so that the socket files are really gone (its destructor waits for that) before the lock is, and no
  // successor loses its fresh ones; also one ZAP handler per broker.
  std::optional<ZmqContext> own_context;
  std::optional<ZapGate> gate;  // outlives the sockets it guards
  std::optional<ZmqSocket> front, back, pub;
  Outbox outbox;
  std::atomic<uint64_t> dropped{0};

  Status take_locks();
  Status bind(ZmqContext& context);
  Status open_socket(ZmqContext& context, std::optional<ZmqSocket>& socket, SocketKind kind,
                     const std::string& endpoint, int64_t max_bytes);
  Status open_to_group(const std::string& path, mode_t mode) const;
  Result<bool> receive(BrokerSocket which);
  Status send_all();
  SendOutcome send_one(const Outgoing& message, Status& broken);
  bool is_ipc() const { return !ipc_path(options.endpoints.front).empty(); }
};

Status Broker::Impl::take_locks() {
  const std::string holder = str("pid ", ::getpid());
  SYNC_ASSIGN(auto queue_lock, FileLock::acquire(options.core.queue_path + ".lock", holder));
  locks.push_back(std::move(queue_lock));
  if (!is_ipc()) return {};
  for (const std::string& endpoint : {options.endpoints.front, options.endpoints.back, options.endpoints.pub}) {
    const std::string path = ipc_path(endpoint);
    if (path.size() > kMaxSocketPath)
      return Error{ErrorCode::usage, "the runtime directory's name is too long for sockets", path, 0};
  }
  SYNC_ASSIGN(auto runtime_lock,
              FileLock::acquire(directory_of(ipc_path(options.endpoints.front)) + "/broker.lock", holder));
  locks.push_back(std::move(runtime_lock));
  return {};
}

Status Broker::Impl::open_socket(ZmqContext& context, std::optional<ZmqSocket>& socket, SocketKind kind,
                                 const std::string& endpoint, int64_t max_bytes) {
  SocketOptions socket_options;
  socket_options.max_message_bytes = max_bytes;
  if (is_ipc()) socket_options.zap_domain = kZapDomain;
  SYNC_ASSIGN(auto opened, ZmqSocket::open(context, kind, socket_options));
  const PrivateUmask umask;
  SYNC_TRY(opened.bind(endpoint));
  socket.emplace(std::move(opened));
  return {};
}

// Where the unit's group is the group already, nothing needs the right to change owners.
Status Broker::Impl::open_to_group(const std::string& path, mode_t mode) const {
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0) return error_from_errno(errno, "cannot look at", path);
  const bool theirs = now.st_gid == *options.allow_gid;
  if ((!theirs && ::chown(path.c_str(), static_cast<uid_t>(-1), *options.allow_gid) != 0) ||
      ((now.st_mode & 07777U) != mode && ::chmod(path.c_str(), mode) != 0)) {
    return error_from_errno(errno, "cannot be opened to the group", path);
  }
  return {};
}

Status Broker::Impl::bind(ZmqContext& context) {
  if (is_ipc()) {
    const auto admit = [own = static_cast<uint32_t>(::geteuid()),
                        gid = options.allow_gid](const PeerCredentials& peer) {
      if (peer.uid == 0 || peer.uid == own) return Admission::owner;
      return gid && is_member(peer.uid, peer.gid, *gid) ? Admission::member : Admission::refused;
    };
    SYNC_ASSIGN(auto opened, ZapGate::open(context, admit));
    gate.emplace(std::move(opened));
  }
  SYNC_TRY(open_socket(context, front, SocketKind::router, options.endpoints.front, kFrontMessageBytes));
  SYNC_TRY(open_socket(context, back, SocketKind::router, options.endpoints.back, kBackMessageBytes));
  if (is_ipc()) SYNC_TRY(back->watch_connections(context));
  SYNC_TRY(open_socket(context, pub, SocketKind::pub, options.endpoints.pub, kFrontMessageBytes));
  if (!is_ipc() || !options.allow_gid) return {};
  const std::string front_path = ipc_path(options.endpoints.front);
  SYNC_TRY(open_to_group(directory_of(front_path), 0750));
  SYNC_TRY(open_to_group(front_path, 0660));
  return open_to_group(ipc_path(options.endpoints.pub), 0660);
}

Broker::Broker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Broker::~Broker() = default;

Result<std::unique_ptr<Broker>> Broker::open(ZmqContext& context, BrokerOptions options, Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  impl->options.core.pid = static_cast<uint32_t>(::getpid());
  impl->wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (impl->wake_fd < 0) return error_from_errno(errno, "eventfd");
  SYNC_TRY(impl->take_locks());
  SYNC_ASSIGN(impl->core, BrokerCore::open(impl->options.core, clock.steady_ns(), clock.wall_ns()));
  SYNC_TRY(impl->bind(impl->is_ipc() ? impl->own_context.emplace() : context));
  return std::unique_ptr<Broker>(new Broker(std::move(impl)));
}

// True when more may be waiting.
Result<bool> Broker::Impl::receive(BrokerSocket which) {
  ZmqSocket& socket = which == BrokerSocket::front ? *front : *back;
  std::vector<std::string> frames;
  std::string user;
  size_t bytes = 0;
  for (size_t count = 0; count < kMaxMessagesPerTurn && bytes < kMaxBytesPerTurn; ++count) {
    SYNC_ASSIGN(const bool got, socket.receive(frames, &user));
    if (!got) return false;
    // [peer][envelope][body]; anything else is noise.
    auto envelope = frames.size() == 3 ? decode<Envelope>(frames[1]) : Result<Envelope>(Error{});
    if (!envelope.ok() || envelope->schema != kBrokerSchema) {
      core->count_garbage();
      continue;
    }
    bytes += frames[2].size();
    core->handle({which, std::move(frames[0]), std::move(envelope).value(), std::move(frames[2]),
                  user != to_string(Admission::member)});
  }
  return true;
}

SendOutcome Broker::Impl::send_one(const Outgoing& message, Status& broken) {
  const std::string header = encode(message.envelope);
  auto outcome = (message.socket == BrokerSocket::front ? *front : *back).send({message.peer, header, message.body});
  if (outcome.ok()) return *outcome;
  broken = std::move(outcome).error();
  return SendOutcome::full;
}

Status Broker::Impl::send_all() {
  dropped = core->dropped();
  for (Published& message : core->take_published()) {
    SYNC_ASSIGN(const SendOutcome outcome, pub->send({message.topic, encode(message.envelope), message.body}));
    (void)outcome;  // PUB drops for subscribers that don't keep up
  }
  for (Outgoing& message : core->take_outgoing()) outbox.push(std::move(message));
  Status broken;
  for (const auto& [socket, peer] : outbox.flush([&](const Outgoing& message) { return send_one(message, broken); })) {
    core->peer_gone(socket, peer);
  }
  return broken;
}

Result<int64_t> Broker::step(int64_t now) {
  Impl& impl = *impl_;
  if (impl.gate) SYNC_TRY(impl.gate->answer());
  impl.core->begin_turn(now, impl.clock.wall_ns());
  SYNC_ASSIGN(const bool changed, impl.back->connections_changed());
  if (changed) impl.core->connection_ended();
  SYNC_ASSIGN(const bool more_back, impl.receive(BrokerSocket::back));
  SYNC_ASSIGN(const bool more_front, impl.receive(BrokerSocket::front));
  // What needs no journal need not wait for its flush.
  SYNC_TRY(impl.send_all());
  SYNC_TRY(impl.core->end_turn());
  SYNC_TRY(impl.send_all());
  if (more_back || more_front) return now;
  const int64_t due = impl.core->next_deadline();
  return impl.outbox.empty() ? due : std::min(due, now + kRetrySendNs);
}

Status Broker::wait(int64_t until) {
  const int64_t left = std::clamp<int64_t>(until - impl_->clock.steady_ns(), 0, kLongestWaitNs);
  if (left > kBeatNs) return_free_memory();
  std::vector<PollItem> items(3);
  items[0].socket = &*impl_->front;
  items[1].socket = &*impl_->back;
  items[2].fd = impl_->wake_fd;
  if (impl_->gate) items.emplace_back().socket = &impl_->gate->socket();
  if (impl_->back->watch() != nullptr) items.emplace_back().socket = impl_->back->watch();
  SYNC_TRY(poll_sockets(items, static_cast<int>((left + kMillisecond - 1) / kMillisecond)));
  uint64_t count = 0;
  if (items[2].in) (void)!::read(impl_->wake_fd, &count, sizeof count);
  return {};
}

Status Broker::run(const std::atomic<bool>& stop, const std::function<int64_t()>& each_turn) {
  while (!stop) {
    SYNC_ASSIGN(const int64_t due, step(impl_->clock.steady_ns()));
    const int64_t called = each_turn ? each_turn() : INT64_MAX;
    SYNC_TRY(wait(std::min(due, called)));
  }
  // What was said before the stop is still heard and journaled: it need not be done twice.
  for (int turn = 0; turn < kLastTurns; ++turn) {
    const int64_t now = impl_->clock.steady_ns();
    SYNC_ASSIGN(const int64_t due, step(now));
    if (due > now) break;
  }
  return {};
}

void Broker::wake() {
  const uint64_t one = 1;
  (void)!::write(impl_->wake_fd, &one, sizeof one);
}

uint64_t Broker::dropped() const {
  return impl_->dropped;
}

}  // namespace twsync
