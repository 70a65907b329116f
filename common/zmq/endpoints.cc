#include "common/zmq/endpoints.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/hasher.h"
#include "common/base/text.h"

namespace twsync {

namespace {
constexpr std::string_view kIpc = "ipc://";
}

BrokerEndpoints ipc_endpoints(const std::string& runtime_dir) {
  return {str(kIpc, runtime_dir, "/front.sock"), str(kIpc, runtime_dir, "/back.sock"),
          str(kIpc, runtime_dir, "/pub.sock")};
}

BrokerEndpoints inproc_endpoints(const std::string& name) {
  return {str("inproc://", name, ".front"), str("inproc://", name, ".back"), str("inproc://", name, ".pub")};
}

std::string ipc_path(std::string_view endpoint) {
  if (!endpoint.starts_with(kIpc)) return {};
  return std::string(endpoint.substr(kIpc.size()));
}

Status probe_endpoint(const std::string& endpoint) {
  const std::string path = ipc_path(endpoint);
  if (path.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ErrorCode::usage, "socket path too long", path, 0};
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return error_from_errno(errno, "socket", path);
  const int rc = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int err = rc == 0 ? 0 : errno;
  ::close(fd);
  // EAGAIN: its backlog is full, so somebody listens.
  if (err == 0 || err == EAGAIN || err == EINPROGRESS) return {};
  if (err == EACCES) return Error{ErrorCode::denied, "no right to reach the broker", path, err};
  return Error{ErrorCode::unreachable, "no broker listens there", path, err};
}

Result<ZmqSocket> open_dealer(ZmqContext& context, const std::string& endpoint, std::string_view name) {
  SocketOptions options;
  options.identity = str(name, "-", random_hex(8));
  // inproc connects to a name that may be bound later; its queue must take messages already then.
  options.immediate = !endpoint.starts_with("inproc://");
  SYNC_ASSIGN(auto socket, ZmqSocket::open(context, SocketKind::dealer, options));
  SYNC_TRY(socket.connect(endpoint));
  return socket;
}

Result<SendOutcome> send_message(ZmqSocket& socket, const Envelope& envelope, std::string_view body) {
  const std::string header = encode(envelope);
  return socket.send({header, body});
}

Result<bool> receive_message(ZmqSocket& socket, Message& message) {
  std::vector<std::string> frames;
  for (;;) {
    SYNC_ASSIGN(const bool got, socket.receive(frames));
    if (!got) return false;
    if (frames.size() != 2) continue;
    auto envelope = decode<Envelope>(frames[0]);
    if (!envelope.ok() || envelope->schema != kBrokerSchema) continue;
    message.envelope = std::move(envelope).value();
    message.body = std::move(frames[1]);
    return true;
  }
}

}  // namespace twsync
