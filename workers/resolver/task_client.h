#pragma once
// How the resolver gives tasks to workers through the broker and waits for what comes of them.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/zmq/link.h"

namespace twsync {

/// What came back for a task: data, then done; or an error (failed, lost, cancelled).
struct TaskEvent {
  std::string task;
  bool data = false;  ///< more follows
  std::string body;
  Error error;  ///< code ok = data or done
};

/// Where the events of one or more tasks arrive. One consumer thread.
class TaskInbox {
 public:
  void push(TaskEvent event);
  /// The next event; nullopt after timeout_ms.
  std::optional<TaskEvent> pop(int timeout_ms);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TaskEvent> events_;
};

/// start() and call() by any thread; deliver() and lose_all() by the link's.
class TaskClient {
 public:
  explicit TaskClient(WorkerLink& link) : link_(link) {}

  /// The task's id. Its events go to `inbox`; whoever stops listening leaves it behind harmlessly.
  std::string start(const std::string& service, const std::string& pair, std::string body,
                    std::shared_ptr<TaskInbox> inbox);
  /// One task from start to end: the body of task_done. `on_data` gets each task_data, on the calling thread.
  /// `stop` returning true gives up (cancelled).
  Result<std::string> call(const std::string& service, const std::string& pair, std::string body,
                           const std::function<Status(std::string_view)>& on_data, const std::function<bool()>& stop);
  /// Grants one more task_data.
  void credit(const std::string& task, uint64_t count);
  void cancel(const std::string& task);

  void deliver(Message&& message);
  /// The broker was lost: every task ends as unreachable.
  void lose_all();

 private:
  WorkerLink& link_;
  std::mutex mutex_;
  std::map<std::string, std::pair<std::shared_ptr<TaskInbox>, Envelope>> tasks_;
};

}  // namespace twsync
