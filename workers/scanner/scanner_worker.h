#pragma once
// The scanner as a worker of the broker: takes scan tasks, runs them on the pair's session, publishes the deploy
// side's hints.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/zmq/link.h"
#include "workers/pair_lookup.h"
#include "workers/scanner/pair_session.h"

namespace twsync {

struct ScannerOptions {
  BrokerEndpoints endpoints;
  PairLookup pairs;
  ScanSides sides;
  std::string version;
  /// Every turn of the loop: whether the broker knows us; it says for how many ms to wait at most. May be empty.
  std::function<int(bool known)> each_turn = {};
  bool publish_hints = false;  ///< service: watch the deploy side and publish what happens there
  std::vector<std::string> watched =
      {};  ///< pairs that are looked at when the service starts: what happened before went unseen
};

/// run() owns the link and returns when `stop` is set (or with an error when the link cannot be made).
class ScannerWorker {
 public:
  ScannerWorker(ZmqContext& context, Clock& clock, ScannerOptions options);
  ~ScannerWorker();
  Status run(const std::atomic<bool>& stop);
  /// Makes run() look at `stop` at once. Any thread.
  void wake();

 private:
  Status serve(const std::atomic<bool>& stop);
  void dispatch(Message&& message);
  void start_task(Message&& message);
  PairSession* session_for(const std::string& pair);
  void hint_everything();
  void hint_whole(const std::string& pair);
  void say_state(const std::string& pair, std::string state);
  void post(const std::string& pair, const Publish& body);
  void publish(const std::string& pair, std::vector<Hint> hints);

  ZmqContext& context_;
  Clock& clock_;
  const ScannerOptions options_;
  std::mutex link_mutex_;  // for wake(): the link comes and goes with run()
  std::unique_ptr<WorkerLink> link_;
  std::mutex states_mutex_;
  std::map<std::string, std::string> states_;                     // what each pair's watch said last
  std::map<std::string, std::unique_ptr<PairSession>> sessions_;  // by pair name
  std::map<std::string, std::shared_ptr<TaskOutput>> running_;    // by task id
};

}  // namespace twsync
