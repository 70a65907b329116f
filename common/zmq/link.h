#pragma once
// A worker's or a client's end of the broker: one DEALER socket, owned by one thread, with heartbeats, reconnection and
// a thread-safe way in for the process's other threads. The only user of cppzmq is link.cc and its siblings here.

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/wire/messages.h"

namespace twsync {

/// A ZeroMQ context; shared by every socket of a process (inproc:// needs it). Any thread.
class ZmqContext {
 public:
  ZmqContext();
  ~ZmqContext();
  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Where a broker listens: ipc:// in the runtime directory, or inproc:// names when embedded.
struct BrokerEndpoints {
  std::string front;  ///< producers and clients
  std::string back;   ///< workers
  std::string pub;    ///< progress
};
BrokerEndpoints ipc_endpoints(const std::string& runtime_dir);
BrokerEndpoints inproc_endpoints(const std::string& name);

struct Message {
  Envelope envelope;
  std::string body;
};

/// Worker end. poll() and the destructor belong to one thread; post() and wake() to any.
/// Registers itself (ready) on connect and again, under a fresh identity, whenever the broker does not know it
/// (restarted), is gone for longer than its liveness (3 intervals: 1 s, or what the broker says while nothing is in
/// flight), or accepts messages but says nothing for 15 s; tells the broker goodbye when destroyed.
class WorkerLink {
 public:
  static Result<std::unique_ptr<WorkerLink>> connect(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                     WorkerReady ready, Clock& clock);
  ~WorkerLink();
  /// The next message from the broker, or nullopt after timeout_ms (-1 = none) or wake(). Sends what was posted,
  /// heartbeats as due (so whoever is not in here must be back within a second: a stuck worker stops beating, which is
  /// the point).
  Result<std::optional<Message>> poll(int timeout_ms);
  /// Queues a message to the broker. Any thread.
  void post(Envelope envelope, std::string body);
  void wake();
  /// The broker has answered at some time; the first answer ends a poll().
  bool known() const;
  /// True after the broker was lost and came back, which ends a poll(): its tasks and leases of before are void.
  /// Cleared by the call.
  bool take_reconnected();
  /// What `status` shows of this worker ("idle", "batch 12 of web"). Any thread.
  void set_doing(std::string text);

 private:
  struct Impl;
  explicit WorkerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Client and producer end (front socket, Lazy Pirate). One thread.
class BrokerClient {
 public:
  /// unreachable when nothing listens there within timeout_ms.
  static Result<std::unique_ptr<BrokerClient>> connect(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                       int timeout_ms);
  ~BrokerClient();
  /// Returns after the broker has journaled it. Safe to repeat: `key` makes it idempotent.
  Status publish(const Publish& publish, const std::string& key, int timeout_ms);
  Status request(const Request& request, int timeout_ms);
  /// Follow a request that runs already (after a reconnect).
  Status attach(const std::string& request_id, int timeout_ms);
  Result<StatusReply> status(const StatusQuery& query, int timeout_ms);
  /// The next event of the requests made here; nullopt after timeout_ms; unreachable when the broker went away (call it
  /// again to go on waiting); not_found when it came back without a request that was followed: make the request again.
  Result<std::optional<Event>> next_event(int timeout_ms);

 private:
  struct Impl;
  explicit BrokerClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twsync
