#include <sys/socket.h>
#include <sys/time.h>

#include <charconv>
#include <utility>

#include "common/base/text.h"
#include "common/ssh/tcp_connect.h"
#include "workers/dial/dial.h"
#include "workers/dial/dial_packet.h"

namespace twsync {

namespace {

Error refused(std::string message) {
  return Error{ErrorCode::denied, std::move(message), {}, 0};
}

Result<DialRequest> parse_request(const std::string& text) {
  DialRequest request;
  const size_t host = text.find('\n');
  const size_t port = host == std::string::npos ? host : text.find('\n', host + 1);
  if (port == std::string::npos) return refused("the dialer was asked something that is no request");
  request.pair = text.substr(0, host);
  request.host = text.substr(host + 1, port - host - 1);
  const char* end = text.data() + text.size();
  const auto number = std::from_chars(text.data() + port + 1, end, request.port);
  if (number.ec != std::errc() || number.ptr != end)
    return refused("the dialer was asked for something that is no port");
  return request;
}

Result<UniqueFd> dial(const std::string& asked, const DialLookup& lookup, int64_t timeout_ms) {
  SYNC_ASSIGN(const DialRequest request, parse_request(asked));
  SYNC_ASSIGN(const DialAddress address, lookup(request.pair));
  if (address.host != request.host || address.port != request.port) {
    return refused(str("the configuration names another address for ", escape_bytes(request.pair),
                       " now: run 'systemctl reload sutazai-sync-monitor'"));
  }
  return connect_tcp(address.host, address.port, timeout_ms);
}

}  // namespace

Status serve_dial(int fd, const DialLookup& lookup, int64_t timeout_ms) {
  const timeval limit{timeout_ms / 1'000, timeout_ms % 1'000 * 1'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  DialPacket asked;
  if (!receive_dial_packet(fd, asked)) return Error{ErrorCode::unreachable, "nobody asked for anything", {}, 0};
  const auto connected = dial(asked.text, lookup, timeout_ms);
  const bool told = connected ? send_dial_packet(fd, "+", connected->get())
                              : send_dial_packet(fd, ("-" + describe(connected.error())).substr(0, kMaxDialPacket), -1);
  if (!told) return Error{ErrorCode::unreachable, "who asked is gone", {}, 0};
  return {};
}

}  // namespace twsync
