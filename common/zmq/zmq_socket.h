#pragma once
// ZeroMQ sockets as values and outcomes: zmq_socket.cc is the only file that includes cppzmq. Nothing here blocks but
// poll_sockets().

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/zmq/link.h"

namespace twsync {

enum class SocketKind : uint8_t { router, dealer, pub, sub, rep, pair };

struct SocketOptions {
  int send_hwm = 1000;  ///< messages queued per peer inside ZeroMQ
  int receive_hwm = 1000;
  int64_t max_message_bytes = 64LL << 20;  ///< a peer that sends more is disconnected
  int linger_ms = 1000;
  std::string identity;    ///< dealer: fixed routing id; empty = the router makes one up
  bool immediate = true;   ///< queue only to peers that are really connected
  std::string zap_domain;  ///< bound sockets: every connection is asked for at the ZAP handler (bind that first)
};

enum class SendOutcome : uint8_t {
  sent,
  full,  ///< this peer's queue is full (or nobody is connected): keep the message and try again later
  gone   ///< router: no such peer
};

/// One socket, one thread (ZeroMQ sockets must never be shared). Routers are MANDATORY (an undeliverable message is
/// told, not dropped) and HANDOVER.
class ZmqSocket {
 public:
  static Result<ZmqSocket> open(ZmqContext& context, SocketKind kind, const SocketOptions& options);
  ZmqSocket(ZmqSocket&&) noexcept;
  ZmqSocket& operator=(ZmqSocket&&) noexcept;
  ~ZmqSocket();

  Status bind(const std::string& endpoint);
  Status connect(const std::string& endpoint);
  /// inproc: the name is free again when it returns (closing the socket frees it only some time later).
  void unbind(const std::string& endpoint);
  Status subscribe(std::string_view topic);
  /// From now on connections_changed() tells of connections that came or ended; not for inproc, which has none. Once.
  Status watch_connections(ZmqContext& context);
  /// The socket to poll for them; nullptr when they aren't watched.
  ZmqSocket* watch() { return watch_.get(); }
  /// True when a connection came or ended since the last call. Whoever watches calls it again and again: what is told
  /// is kept until then.
  Result<bool> connections_changed();
  /// All frames or none.
  Result<SendOutcome> send(const std::vector<std::string_view>& frames);
  /// False = nothing there. More than kMaxFrames frames: the rest is thrown away.
  /// `user` gets the ZAP user id of the connection it came over ("" without a ZAP handler).
  Result<bool> receive(std::vector<std::string>& frames, std::string* user = nullptr);
  static constexpr size_t kMaxFrames = 16;

  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit ZmqSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<ZmqSocket> watch_;
};

struct PollItem {
  ZmqSocket* socket = nullptr;  ///< or fd
  int fd = -1;
  bool want_out = false;
  bool in = false;  ///< answers
  bool out = false;
};

/// Waits until one is ready or timeout_ms went by (-1 = for ever). A signal ends it early, with nothing ready.
Status poll_sockets(std::vector<PollItem>& items, int timeout_ms);

}  // namespace twsync
