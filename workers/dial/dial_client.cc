#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "workers/dial/dial.h"
#include "workers/dial/dial_packet.h"

namespace twsync {

namespace {

Error no_dialer(const std::string& socket_path, const std::string& why) {
  return Error{ErrorCode::unreachable,
               str("the dialer at ", escape_bytes(socket_path), " ", why,
                   ": run 'systemctl restart twsync-dial.socket', and see 'journalctl -u \"twsync-dial*\"'"),
               {},
               0};
}

Result<UniqueFd> reach(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) return no_dialer(socket_path, "has too long a path");
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd) return error_from_errno(errno, "cannot make a socket");
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) return no_dialer(socket_path, str("cannot be reached (", std::strerror(errno), ")"));
  }
  return fd;
}

bool is_tcp(int fd) {
  int domain = 0, type = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  return (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM;
}

}  // namespace

std::string dial_socket_of_unit() {
  const char* path = std::getenv("TWSYNC_DIAL");
  return path != nullptr ? path : "";
}

Result<UniqueFd> dial_through(const std::string& socket_path, const DialRequest& request) {
  SYNC_ASSIGN(const UniqueFd fd, reach(socket_path));
  const std::string asked = str(request.pair, "\n", request.host, "\n", request.port);
  if (!send_dial_packet(fd.get(), asked, -1)) return no_dialer(socket_path, "took no request");
  DialPacket answer;
  if (!receive_dial_packet(fd.get(), answer) || answer.text.empty()) return no_dialer(socket_path, "gave no answer");
  if (answer.text[0] == '+' && answer.fd && is_tcp(answer.fd.get())) return std::move(answer.fd);
  if (answer.text[0] != '-') return no_dialer(socket_path, "answered with something else than a connection");
  return Error{ErrorCode::unreachable, answer.text.substr(1), {}, 0};
}

}  // namespace twsync
