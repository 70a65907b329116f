#include "broker/task_router.h"

#include <algorithm>
#include <set>
#include <utility>

namespace twsync {

void TaskRouter::refuse(const std::string& owner, Envelope envelope, ErrorCode code, const char* text) {
  envelope.type = MessageType::task_failed;
  send(owner, std::move(envelope), encode(Error{code, text, {}, 0}));
}

void TaskRouter::submit(const std::string& owner, Envelope envelope, std::string body) {
  if (envelope.id.empty() || tasks_.contains(envelope.id)) {
    refuse(owner, std::move(envelope), ErrorCode::exists, "a task with this id is in flight");
    return;
  }
  if (waiting_.size() >= limits_.waiting_tasks || waiting_bytes_ + body.size() > limits_.waiting_bytes) {
    refuse(owner, std::move(envelope), ErrorCode::busy, "too many tasks wait");
    return;
  }
  waiting_bytes_ += body.size();
  waiting_.push_back(envelope.id);
  std::string id = envelope.id;
  tasks_.emplace(std::move(id), Task{std::move(envelope), owner, {}, std::move(body)});
}

void TaskRouter::forget_waiting(const std::string& id, size_t bytes) {
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), id));
  waiting_bytes_ -= bytes;
}

void TaskRouter::control(const std::string& owner, Envelope envelope, std::string body) {
  const auto found = tasks_.find(envelope.id);
  if (found == tasks_.end() || found->second.owner != owner) {
    ++dropped_;
    return;
  }
  Task& task = found->second;
  const bool cancel = envelope.type == MessageType::task_cancel;
  if (!task.worker.empty()) {
    send(task.worker, std::move(envelope), std::move(body));
    // Whatever its worker still says about it finds no task and is dropped.
    if (cancel) workers_.take_back(task.worker);
  } else if (cancel) {
    forget_waiting(found->first, task.body.size());
  } else {
    task.credit += envelope.count;
  }
  if (cancel) tasks_.erase(found);
}

void TaskRouter::reply(const std::string& worker, Envelope envelope, std::string body) {
  const auto found = tasks_.find(envelope.id);
  if (found == tasks_.end() || found->second.worker != worker) {
    ++dropped_;
    return;
  }
  const bool last = envelope.type != MessageType::task_data;
  send(found->second.owner, std::move(envelope), std::move(body));
  if (!last) return;
  workers_.take_back(worker);
  tasks_.erase(found);
}

void TaskRouter::peer_gone(const std::string& identity) {
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    const Task& task = it->second;
    const bool worker_gone = task.worker == identity;
    const bool owner_gone = task.owner == identity;
    if (!worker_gone && !owner_gone) {
      ++it;
      continue;
    }
    Envelope envelope = task.envelope;
    if (!owner_gone) {
      envelope.type = MessageType::task_lost;
      send(task.owner, std::move(envelope), {});
    } else if (task.worker.empty()) {
      forget_waiting(it->first, task.body.size());
    } else if (!worker_gone) {
      envelope.type = MessageType::task_cancel;
      send(task.worker, std::move(envelope), {});
      workers_.take_back(task.worker);
    }
    it = tasks_.erase(it);
  }
}

void TaskRouter::assign(int64_t now) {
  // Once a (service, pair) found nobody, the later ones of it need not ask again in this round.
  std::set<std::pair<std::string, std::string>> nobody;
  std::deque<std::string> still_waiting;
  for (std::string& id : waiting_) {
    Task& task = tasks_.at(id);
    const auto key = std::pair(task.envelope.service, task.envelope.pair);
    WorkerTable::Worker* worker = nobody.contains(key) ? nullptr : workers_.pick(key.first, key.second);
    if (worker == nullptr) {
      nobody.insert(key);
      still_waiting.push_back(std::move(id));
      continue;
    }
    workers_.give(*worker, now);
    task.worker = worker->identity;
    waiting_bytes_ -= task.body.size();
    send(task.worker, task.envelope, std::exchange(task.body, {}));
    if (task.credit == 0) continue;
    Envelope credit = task.envelope;
    credit.type = MessageType::task_credit;
    credit.count = task.credit;
    send(task.worker, std::move(credit), {});
  }
  waiting_ = std::move(still_waiting);
}

}  // namespace twsync
