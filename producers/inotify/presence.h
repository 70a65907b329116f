#pragma once
// Lets the broker see that this process is there: whoever is dead or hangs watches nothing, whatever it said last.

#include <atomic>
#include <memory>
#include <thread>

#include "common/base/clock.h"
#include "common/zmq/link.h"
#include "producers/inotify/hint_outbox.h"

namespace twsync {

class Presence {
 public:
  /// `outbox` says every state again to a broker that had lost us.
  static Result<std::unique_ptr<Presence>> open(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                WorkerReady ready, HintOutbox& outbox);
  ~Presence();

 private:
  explicit Presence(HintOutbox& outbox) : outbox_(outbox) {}
  void run();

  HintOutbox& outbox_;
  SystemClock clock_;
  std::unique_ptr<WorkerLink> link_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace twsync
