#pragma once
// One bulk session of a pair: batches for both sides streamed over one connection, without a round trip per batch.
//
// Threads: `sender` opens the session, asks for the files of code-side batches and streams those of deploy-side ones;
// `receiver` takes results and content; the applier of the code root and the connection have their own. The owner's
// thread only queues and looks. The receiver never waits for the sender, and each end of the connection has such a
// receiver: both directions can be full at the same time without holding each other up.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/ssh/connection.h"
#include "workers/agent/content_intake.h"
#include "workers/transfer/token_bucket.h"

namespace twsync {

/// What came of a task; called from the session's threads, exactly once for each submitted task (also by the
/// destructor). Must not call back into the session.
struct TransferEvents {
  std::function<void(const std::string& task, BatchResult result)> done;
  std::function<void(const std::string& task, const Error& error)> failed;
  /// Now and then while a task is under way; may come once more after its end. Empty = nobody wants to know.
  std::function<void(const std::string& task, uint64_t wire_bytes)> progress = {};
};

struct TransferSessionOptions {
  RootOptions code_root;
  uint64_t bytes_per_second = 0;  ///< of content, both directions together; 0 = no limit
};

/// submit(), cancel(), and the state: any thread. Nothing is retried here.
/// When the agent dies, a batch for the code side keeps what arrived whole (its task ends with results); every other
/// task ends as failed with the agent's error. A crash here leaves what Applier promises.
class TransferSession {
 public:
  using Open = std::function<Result<std::unique_ptr<Connection>>()>;

  /// `open` connects and shakes hands; called once, from the sender thread.
  TransferSession(TransferSessionOptions options, Open open, TransferEvents events, Clock& clock);
  /// Abandons what is not finished (failed: cancelled) and joins the threads; an `open` under way is waited for.
  ~TransferSession();
  TransferSession(const TransferSession&) = delete;
  TransferSession& operator=(const TransferSession&) = delete;

  /// An error once the session is ending (why it does): the task was not taken, the batch not moved from. A session
  /// whose `open` fails at once may be ending before its first task.
  [[nodiscard]] Status submit(std::string task, Batch&& batch);
  /// A task that has not begun fails with cancelled; one under way goes on.
  void cancel(const std::string& task);
  /// Ends the session; `finished()` follows.
  void close(const Error& error);
  /// Nothing queued or under way.
  bool idle() const;
  /// The threads have ended: the destructor returns at once.
  bool finished() const { return finished_; }

 private:
  struct Queued {
    std::string task;
    Batch batch;
    uint32_t stream = 0;
    bool asked = false;  ///< what is there of its large files
  };
  struct UnderWay {
    std::string task;
    Side side = Side::code;
    std::vector<uint32_t> operations;  ///< ids, sorted
    BatchResult result;
    uint64_t wire_bytes = 0;
    int64_t told_ns = 0;  ///< steady: when its progress was told last
  };
  struct Expected {
    uint32_t stream = 0;
    Batch batch;
  };

  struct Begun {
    uint32_t stream = 0;
    Batch batch;
    std::string encoded;
  };

  // transfer_session.cc: the sender thread and the owner's calls
  void sender_loop();
  Status open_session();
  Status serve_queues();
  Result<std::optional<Begun>> begin_next(std::deque<Queued>& queue);
  Status ask_ahead();
  Status ask_for_code_batches();
  Status send_deploy_batch(Begun& begun);
  Status send_frame(FrameType type, uint32_t stream, std::string payload);
  void pace(uint64_t bytes);
  void count_wire(uint32_t stream, size_t payload);
  void fail_everything(const Error& error);

  // transfer_partials.cc: what is there of files whose transfer was cut
  Status ask_about_partials(std::deque<Queued>& queue);
  Status wait_for_partials(Begun& begun);
  Status take_partials(const Frame& frame);

  // transfer_receive.cc: the receiver thread and the applier's results
  void receiver_loop();
  Status take(Frame&& frame);
  Status take_results(const Frame& frame);
  Status take_content(Frame&& frame);
  Status add_results(uint32_t stream, Side side, BatchResult piece);
  void finish_receiving(Error error);

  const TransferSessionOptions options_;
  const Open open_;
  const TransferEvents events_;
  Clock& clock_;
  std::unique_ptr<Sender> sender_files_;    // sender thread
  std::unique_ptr<ContentIntake> intake_;   // made by the sender, then the receiver's
  std::unique_ptr<Connection> connection_;  // made by the sender under mutex_

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> code_queue_, deploy_queue_;              // guarded by mutex_
  std::map<uint32_t, UnderWay> under_way_;                    // guarded by mutex_, by stream
  std::deque<Expected> expected_;                             // guarded by mutex_: content that was asked for, in order
  std::map<uint32_t, std::optional<PartialsReply>> answers_;  // guarded by mutex_, by stream: that were asked for
  std::optional<Error> ending_;                               // guarded by mutex_
  bool abandon_ = false;                                      // guarded by mutex_: don't even finish what is whole
  TokenBucket bucket_;                                        // guarded by mutex_
  uint32_t next_stream_ = 1;                                  // guarded by mutex_

  std::atomic<bool> finished_{false};
  std::thread receiver_;  // started by the sender once the session stands
  std::thread sender_;    // last
};

}  // namespace twsync
