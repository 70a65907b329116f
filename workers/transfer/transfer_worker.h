#pragma once
// The transfer role: takes tasks of the service "transfer" from the broker and carries them over one bulk session a
// pair.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/zmq/link.h"
#include "workers/pair_lookup.h"
#include "workers/transfer/transfer_session.h"
#include "workers/transfer/transfer_task.h"

namespace twsync {

struct TransferWorkerOptions {
  std::vector<std::string> pairs;  ///< served pairs; empty = any
  int64_t idle_close_ms = 60'000;  ///< a session without tasks for so long is closed
  /// Every turn of run(): whether the broker knows us; it says for how many ms to wait at most. May be empty.
  std::function<int(bool known)> each_turn = {};
};

/// Takes four tasks at a time, so that a session streams the next batch while the results of the last ones are awaited.
/// One thread owns it; sessions have theirs (transfer_session.h). Nothing is durable and nothing is retried here.
class TransferWorker {
 public:
  /// Connects to the pair's agent and shakes hands. Any thread; may block for as long as connecting takes.
  using Connector = std::function<Result<std::unique_ptr<Connection>>(const PairConfig&, AgentRole, const Hello&)>;

  static Result<std::unique_ptr<TransferWorker>> open(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                      Clock& clock, PairLookup find_pair, Connector connector,
                                                      TransferWorkerOptions options = {});
  /// Abandons what is under way (the broker tells the resolver that it is lost).
  ~TransferWorker();

  /// Waits up to timeout_ms (at most 1 s, so that the broker hears from us) for a message and deals with it.
  Status step(int timeout_ms);
  /// step() until `stop`, or until the link fails for good.
  Status run(const std::atomic<bool>& stop);
  /// Makes run() look at `stop` at once. Any thread.
  void wake();

 private:
  struct Served {
    std::unique_ptr<TransferSession> session;
    std::string pair;
    int64_t idle_since_ns = 0;  ///< 0 = busy when last looked at
  };
  TransferWorker(Clock& clock, PairLookup find_pair, Connector connector, TransferWorkerOptions options);
  void take(const Message& message);
  void take_task(const Message& message);
  Status submit(const Message& message, TransferTask task);
  std::unique_ptr<TransferSession> open_session(const PairConfig& pair, const TransferTask& task);
  TransferEvents events(const std::string& pair);
  void close_sessions(const char* why);
  void look_after_sessions();
  int next_look_ms() const;
  void show_doing();

  Clock& clock_;
  const PairLookup find_pair_;
  const Connector connector_;
  const TransferWorkerOptions options_;
  std::unique_ptr<WorkerLink> link_;
  std::map<std::string, Served> sessions_;  ///< by pair and everything a handshake fixes
  std::vector<Served> ending_;              ///< until their threads are done
};

}  // namespace twsync
