#pragma once
// Tasks on their way: from the resolver that asked to one worker, and what it says back. Pure; messages to send are
// collected and taken by the caller.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/worker_table.h"
#include "common/wire/messages.h"

namespace twsync {

/// A message for one peer of the back socket.
struct Addressed {
  std::string to;
  Envelope envelope;
  std::string body;
};

struct RouterLimits {
  size_t waiting_tasks = 10'000;
  size_t waiting_bytes = 256U << 20U;
};

/// A task id is unique among the tasks in flight; the worker it was given to is its fence: what anybody else says about
/// it is dropped and counted.
class TaskRouter {
 public:
  TaskRouter(WorkerTable& workers, RouterLimits limits) : workers_(workers), limits_(limits) {}

  /// From a resolver. Over the bounds or with an id in flight: task_failed (busy, exists) back to it.
  void submit(const std::string& owner, Envelope envelope, std::string body);
  /// task_credit and task_cancel, from the task's owner. A cancelled task is over at once, without an answer.
  void control(const std::string& owner, Envelope envelope, std::string body);
  /// task_data, task_done and task_failed, from the task's worker.
  void reply(const std::string& worker, Envelope envelope, std::string body);
  /// Its tasks are lost (their owners are told), and the tasks it owned are cancelled.
  void peer_gone(const std::string& identity);
  /// Gives waiting tasks to whoever has room, in order; a task that nobody can take lets the next one pass.
  void assign(int64_t now);

  std::vector<Addressed> take_outgoing() { return std::exchange(outgoing_, {}); }
  uint64_t dropped() const { return dropped_; }
  size_t waiting() const { return waiting_.size(); }
  size_t in_flight() const { return tasks_.size() - waiting_.size(); }

 private:
  struct Task {
    Envelope envelope;
    std::string owner;
    std::string worker;   // empty = waiting
    std::string body;     // until it is given away
    uint64_t credit = 0;  // granted while it waited
  };
  void send(const std::string& to, Envelope envelope, std::string body) {
    outgoing_.push_back({to, std::move(envelope), std::move(body)});
  }
  void refuse(const std::string& owner, Envelope envelope, ErrorCode code, const char* text);
  void forget_waiting(const std::string& id, size_t bytes);

  WorkerTable& workers_;
  RouterLimits limits_;
  std::map<std::string, Task> tasks_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Addressed> outgoing_;
  uint64_t dropped_ = 0;
};

}  // namespace twsync
