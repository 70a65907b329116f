#pragma once
// Frames over a ByteStream: one pump thread per session, bounded queues, ping and pong.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/ssh/byte_stream.h"
#include "common/wire/agent_messages.h"

namespace twsync {

struct Frame {
  FrameType type = FrameType::error;
  uint32_t stream = 0;
  std::string payload;
};

struct ConnectionOptions {
  size_t send_limit_bytes = 8U << 20U;     ///< send() blocks above it
  size_t receive_limit_bytes = 8U << 20U;  ///< the pump stops reading above it, so back-pressure reaches the peer
  int64_t ping_interval_ms = 5'000;        ///< 0 = never (the agent side only answers)
  int64_t dead_after_ms = 15'000;          ///< no byte for so long = unreachable
  const char* peer = "agent";              ///< what is expected at the other end, for messages
  bool expect_magic = false;               ///< client: skip noise up to kAgentMagic first
  bool send_magic = false;                 ///< agent: send kAgentMagic first
};

/// Owns the stream and its thread. send() and receive() may each be called by any thread; frames keep their order per
/// caller. Pings are answered by the pump itself and never reach receive().
class Connection {
 public:
  Connection(std::unique_ptr<ByteStream> stream, ConnectionOptions options);
  ~Connection();  ///< flushes nothing; joins the pump
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Waits until the agent's magic was seen (at once without expect_magic). Errors: timeout; the session's, whose code
  /// is not_found when the remote command does not exist (exit code 127).
  Status wait_started(int64_t timeout_ms);
  /// Blocks while the queue is full. unreachable/peer_violation once the session is over (the first error stays).
  Status send(FrameType type, uint32_t stream, std::string payload);
  /// The next frame; timeout after timeout_ms (-1 = for ever); unreachable when the session is over and drained.
  Result<Frame> receive(int64_t timeout_ms);
  /// After a while without any frame only one ping each `ping_ms` (at most 60,000); for a peer that has the feature
  /// kRestFeature. Any thread, once.
  void rest_when_idle(int64_t ping_ms);
  /// What the peer said in its greeting that it can do. Set once, before anybody asks.
  void set_peer_features(std::vector<std::string> features) { peer_features_ = std::move(features); }
  bool peer_has(std::string_view feature) const;
  /// Waits until everything queued was handed to the stream.
  Status flush(int64_t timeout_ms);
  /// Ends the session: pending and later calls return cancelled. Any thread.
  void close();
  uint64_t bytes_sent() const;
  uint64_t bytes_received() const;
  std::string describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::vector<std::string> peer_features_;
};

}  // namespace twsync
