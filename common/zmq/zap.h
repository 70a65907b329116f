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

/// What a connection may do: nothing, what producers do, or everything. Its name is the ZAP user id, which each message
/// received from it then carries.
enum class Admission : uint8_t { refused, member, owner };
constexpr const char* to_string(Admission admission) {
  return admission == Admission::owner ? "owner" : admission == Admission::member ? "member" : "";
}

/// "…:uid:gid:pid" -> credentials; false when it is not of that form.
bool parse_peer_address(std::string_view address, PeerCredentials& peer);

/// The ZAP handler of a context: bind it before the sockets it guards, answer() whenever its socket is readable.
/// No answer, no connection. One thread.
class ZapGate {
 public:
  using Admit = std::function<Admission(const PeerCredentials&)>;
  static Result<ZapGate> open(ZmqContext& context, Admit admit);
  ZmqSocket& socket() { return socket_; }
  /// Answers all that was asked. Returns how many were refused.
  Result<uint64_t> answer();

 private:
  ZapGate(ZmqSocket socket, Admit admit) : socket_(std::move(socket)), admit_(std::move(admit)) {}
  ZmqSocket socket_;
  Admit admit_;
};

}  // namespace twsync
