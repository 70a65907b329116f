#pragma once
// Messages that wait for a slow peer: in order per peer, bounded in bytes. Pure; the caller gives the way to send.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/messages.h"
#include "common/zmq/zmq_socket.h"

namespace twsync {

enum class BrokerSocket : uint8_t { front, back };

struct Outgoing {
  BrokerSocket socket = BrokerSocket::front;
  std::string peer;
  Envelope envelope;
  std::string body;
  bool droppable = false;  ///< an operation or progress event: a client that doesn't read goes without
};

class Outbox {
 public:
  using Peer = std::pair<BrokerSocket, std::string>;
  using Send = std::function<SendOutcome(const Outgoing&)>;

  /// Beyond `soft_bytes` waiting for a peer its droppable messages are dropped and counted (a note event tells how
  /// many); beyond `hard_bytes` the peer is given up.
  Outbox(size_t soft_bytes, size_t hard_bytes) : soft_bytes_(soft_bytes), hard_bytes_(hard_bytes) {}

  void push(Outgoing message);
  /// Sends what can be sent. Returns the peers that are gone or were given up; what waited for them is thrown away.
  std::vector<Peer> flush(const Send& send);
  bool empty() const { return peers_.empty(); }
  void forget(const Peer& peer) { peers_.erase(peer); }

 private:
  struct Queue {
    std::deque<Outgoing> messages;
    size_t bytes = 0;
    uint64_t dropped = 0;
  };
  void append(Queue& queue, Outgoing message);

  size_t soft_bytes_;
  size_t hard_bytes_;
  std::map<Peer, Queue> peers_;
};

}  // namespace twsync
