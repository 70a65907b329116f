#include "workers/resolver/task_client.h"

#include <chrono>

#include "common/base/hasher.h"
#include "common/wire/agent_messages.h"

namespace twsync {

void TaskInbox::push(TaskEvent event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  changed_.notify_one();
}

std::optional<TaskEvent> TaskInbox::pop(int timeout_ms) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return !events_.empty(); }))
    return std::nullopt;
  TaskEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::string TaskClient::start(const std::string& service, const std::string& pair, std::string body,
                              std::shared_ptr<TaskInbox> inbox) {
  Envelope envelope;
  envelope.type = MessageType::task;
  envelope.service = service;
  envelope.pair = pair;
  envelope.id = random_hex(12);
  {
    const std::lock_guard lock(mutex_);
    tasks_[envelope.id] = {std::move(inbox), envelope};
  }
  link_.post(envelope, std::move(body));
  return envelope.id;
}

Result<std::string> TaskClient::call(const std::string& service, const std::string& pair, std::string body,
                                     const std::function<Status(std::string_view)>& on_data,
                                     const std::function<bool()>& stop) {
  const auto inbox = std::make_shared<TaskInbox>();
  const std::string id = start(service, pair, std::move(body), inbox);
  for (;;) {
    auto event = inbox->pop(200);
    if (!event && !stop()) continue;
    if (!event) {
      cancel(id);
      return Error{ErrorCode::cancelled, "shutting down", {}, 0};
    }
    if (event->error.code != ErrorCode::ok) return std::move(event->error);
    if (!event->data) return std::move(event->body);
    const Status taken = on_data(event->body);
    if (!taken) {
      cancel(id);
      return taken.error();
    }
    credit(id, 1);
  }
}

void TaskClient::credit(const std::string& task, uint64_t count) {
  std::unique_lock lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  Envelope envelope = found->second.second;
  lock.unlock();
  envelope.type = MessageType::task_credit;
  envelope.count = count;
  link_.post(std::move(envelope), {});
}

void TaskClient::cancel(const std::string& task) {
  std::unique_lock lock(mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  Envelope envelope = found->second.second;
  tasks_.erase(found);
  lock.unlock();
  envelope.type = MessageType::task_cancel;
  link_.post(std::move(envelope), {});
}

void TaskClient::deliver(Message&& message) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(message.envelope.id);
  if (found == tasks_.end()) return;
  TaskEvent event;
  event.task = message.envelope.id;
  event.data = message.envelope.type == MessageType::task_data;
  if (message.envelope.type == MessageType::task_failed) {
    event.error = decode_error(message.body);
  } else if (message.envelope.type == MessageType::task_lost) {
    event.error = {ErrorCode::unreachable, "the worker that had this task is gone", {}, 0};
  } else {
    event.body = std::move(message.body);
  }
  found->second.first->push(std::move(event));
  if (message.envelope.type != MessageType::task_data) tasks_.erase(found);
}

void TaskClient::lose_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, task] : tasks_) {
    task.first->push({id, false, {}, {ErrorCode::unreachable, "the broker went away", {}, 0}});
  }
  tasks_.clear();
}

}  // namespace twsync
