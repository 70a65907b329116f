#pragma once
// The resolver as a worker of the broker: leases go to the pair's controller, task results to whoever waits for them.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "common/zmq/link.h"
#include "workers/pair_lookup.h"
#include "workers/resolver/pair_controller.h"

namespace twsync {

struct ResolverOptions {
  BrokerEndpoints endpoints;
  PairLookup pairs;
  std::string version;
  ControllerOptions controller;
  /// Every turn of the loop: whether the broker knows us; it says for how many ms to wait at most. May be empty.
  std::function<int(bool known)> each_turn = {};
};

/// run() owns the link and returns when `stop` is set.
class ResolverWorker {
 public:
  ResolverWorker(ZmqContext& context, Clock& clock, ResolverOptions options);
  ~ResolverWorker();
  Status run(const std::atomic<bool>& stop);
  /// Makes run() look at `stop` at once. Any thread.
  void wake();

 private:
  Status serve(const std::atomic<bool>& stop);
  void dispatch(Message&& message);
  void take_lease(Message&& message);
  PairController* controller_for(const std::string& pair);

  ZmqContext& context_;
  Clock& clock_;
  const ResolverOptions options_;
  std::mutex link_mutex_;  // for wake(): the link comes and goes with run()
  std::unique_ptr<WorkerLink> link_;
  std::unique_ptr<TaskClient> tasks_;
  std::map<std::string, std::unique_ptr<PairController>> controllers_;
};

}  // namespace twsync
