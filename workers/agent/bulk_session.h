#pragma once
// The agent's bulk role: applies batches that come in and sends the files of batches that are asked for, both at once.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "common/fs/applier.h"
#include "common/ssh/connection.h"
#include "workers/agent/content_intake.h"

namespace twsync {

/// Threads: handlers run on the session's thread (which takes frames), files are read and sent by one sender thread,
/// results are sent by the applier's, what is there of a file is told by one more. No sending thread ever holds up the
/// receiving one, so that both directions can be full at the same time. After a crash or a lost peer: whatever Applier
/// promises; nothing here is durable.
class BulkSession {
 public:
  /// `connection` must outlive the session.
  static Result<std::unique_ptr<BulkSession>> open(Connection& connection, const RootOptions& options, Clock& clock);
  /// Closes the connection, abandons what is not finished and joins the threads.
  ~BulkSession();
  BulkSession(const BulkSession&) = delete;
  BulkSession& operator=(const BulkSession&) = delete;

  // Handlers. An error ends the session; what goes wrong with one batch is told in its results.
  Status on_apply(Frame&& frame);
  Status on_content(Frame&& frame);
  Status on_content_end(Frame&& frame);
  Status on_send(Frame&& frame);
  Status on_partials(Frame&& frame);

  /// The session ends with this error: what came whole is applied and its results are sent.
  void finish(const Error& error);

 private:
  struct Sending {
    uint32_t stream = 0;
    Batch batch;
  };
  struct Asked {
    uint32_t stream = 0;
    PartialsRequest request;
  };
  explicit BulkSession(Connection& connection) : connection_(connection) {}
  void send_results(uint32_t stream, BatchResult result);
  void send_loop();
  Status send_batch(const Sending& sending);
  void answer_loop();
  PartialsReply look_for(const PartialsRequest& request);

  Connection& connection_;
  std::unique_ptr<Sender> sender_;

  // Session thread only.
  uint32_t last_apply_ = 0;
  uint32_t last_send_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Sending> sending_;  // guarded by mutex_
  std::deque<Asked> asked_;      // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_

  std::unique_ptr<ContentIntake> intake_;
  std::thread sender_thread_;
  std::thread answer_thread_;
};

}  // namespace twsync
