#pragma once
// Who may connect to this process's ipc:// sockets: asks for the peer's uid (SO_PEERCRED, told by libzmq in the ZAP
// request).

#include <cstdint>
#include <functional>

#include "common/zmq/zmq_socket.h"

namespace twsync {

constexpr const char* kZapDomain = "twsync";

struct PeerCredentials {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

/// "…:uid:gid:pid" -> credentials; false when it is not of that form.
bool parse_peer_address(std::string_view address, PeerCredentials& peer);

/// The ZAP handler of a context: bind it before the sockets it guards, answer() whenever its socket is readable.
/// No answer, no connection. One thread.
class ZapGate {
 public:
  using Allowed = std::function<bool(const PeerCredentials&)>;
  static Result<ZapGate> open(ZmqContext& context, Allowed allowed);
  ZmqSocket& socket() { return socket_; }
  /// Answers all that was asked. Returns how many were refused.
  Result<uint64_t> answer();

 private:
  ZapGate(ZmqSocket socket, Allowed allowed) : socket_(std::move(socket)), allowed_(std::move(allowed)) {}
  ZmqSocket socket_;
  Allowed allowed_;
};

}  // namespace twsync
