#pragma once
// The broker with its sockets: ROUTER to producers and clients, ROUTER to workers, PUB for whoever watches.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/broker_core.h"
#include "common/base/clock.h"
#include "common/zmq/link.h"

namespace twsync {

struct BrokerOptions {
  BrokerEndpoints endpoints;
  CoreOptions core;
  /// ipc only: besides root and our own user, members of this group may connect to the front and pub sockets, to
  /// publish and to ask; the runtime directory becomes theirs to enter.
  std::optional<uint32_t> allow_gid;
  size_t client_soft_bytes = 64U << 20U;   ///< per peer: then operation and progress events are dropped
  size_t client_hard_bytes = 256U << 20U;  ///< then the peer is given up
};

/// One thread owns it; wake() is for any thread or signal handler, dropped() for any thread. Destroying it without
/// ceremony is a crash like any other: what was acknowledged is in the journal.
class Broker {
 public:
  /// Takes the lock on queue.db (and for ipc:// on the runtime directory: before binding, since ZeroMQ would silently
  /// steal a bound path), then opens the journal, then binds; `context` is for inproc:// only. Errors: busy (another
  /// broker), usage (path too long), corrupt, no_space, io.
  static Result<std::unique_ptr<Broker>> open(ZmqContext& context, BrokerOptions options, Clock& clock);
  ~Broker();

  /// One turn: takes what has arrived, commits, answers. Never waits. Returns when the next turn is due (steady ns) if
  /// nothing arrives before. An error ends the broker.
  Result<int64_t> step(int64_t now);
  /// Waits for messages until `until` (steady ns) or wake().
  Status wait(int64_t until);
  /// step() and wait() until `stop` (whoever sets it calls wake()); `each_turn` (may be empty) is called after each
  /// turn and says when it wants to be called again at the latest (steady ns).
  Status run(const std::atomic<bool>& stop, const std::function<int64_t()>& each_turn = {});
  void wake();
  /// Messages that were no messages, or not their sender's to send, up to the last answer.
  uint64_t dropped() const;

 private:
  struct Impl;
  explicit Broker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
