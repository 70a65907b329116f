#include "common/zmq/zap.h"

#include <charconv>

namespace twsync {

namespace {

// Takes the last ":number" off.
bool take_last(std::string_view& text, uint32_t& value) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  text.remove_suffix(digits.size() + 1);
  return error == std::errc() && end == digits.data() + digits.size();
}

}  // namespace

bool parse_peer_address(std::string_view address, PeerCredentials& peer) {
  uint32_t pid = 0;
  return take_last(address, pid) && take_last(address, peer.gid) && take_last(address, peer.uid);
}

Result<ZapGate> ZapGate::open(ZmqContext& context, Admit admit) {
  SYNC_ASSIGN(auto socket, ZmqSocket::open(context, SocketKind::rep, SocketOptions{}));
  SYNC_TRY(socket.bind("inproc://zeromq.zap.01"));
  return ZapGate(std::move(socket), std::move(admit));
}

// RFC 27: version, request id, domain, address, identity, mechanism, credentials…
Result<uint64_t> ZapGate::answer() {
  uint64_t refused = 0;
  std::vector<std::string> request;
  for (;;) {
    SYNC_ASSIGN(const bool got, socket_.receive(request));
    if (!got) return refused;
    PeerCredentials peer;
    const bool asked = request.size() >= 6 && request[0] == "1.0" && request[2] == kZapDomain && request[5] == "NULL" &&
                       parse_peer_address(request[3], peer);
    const Admission admission = asked ? admit_(peer) : Admission::refused;
    const bool yes = admission != Admission::refused;
    if (!yes) ++refused;
    const std::string_view id = request.size() > 1 ? std::string_view(request[1]) : std::string_view();
    SYNC_ASSIGN(const SendOutcome sent,
                socket_.send({"1.0", id, yes ? "200" : "400", yes ? "OK" : "not allowed", to_string(admission), ""}));
    (void)sent;
  }
}

}  // namespace twsync
