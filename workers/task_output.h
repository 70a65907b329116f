#pragma once
// The way back of a task: streamed task_data within the asker's credit, then one task_done or task_failed.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/zmq/link.h"

namespace twsync {

/// task_data messages that may travel before the first task_credit.
constexpr uint64_t kTaskWindow = 32;

/// Made by a worker for each task. send() blocks while the window is used up; add_credit() and cancel() come from the
/// link's thread. Any thread.
class TaskOutput {
 public:
  TaskOutput(WorkerLink& link, Envelope task) : link_(link), task_(std::move(task)) {}
  /// cancelled once the asker is gone.
  Status send(std::string body);
  void done(std::string body);
  void failed(const Error& error);
  void add_credit(uint64_t count);
  void cancel();
  const std::string& id() const { return task_.id; }

 private:
  Envelope reply(MessageType type) const;
  WorkerLink& link_;
  const Envelope task_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t credit_ = kTaskWindow;
  bool cancelled_ = false;
};

}  // namespace twsync
