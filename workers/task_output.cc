#include "workers/task_output.h"

#include "common/wire/model_codec.h"

namespace twsync {

Envelope TaskOutput::reply(MessageType type) const {
  Envelope out = task_;
  out.type = type;
  out.count = 0;
  return out;
}

Status TaskOutput::send(std::string body) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return credit_ > 0 || cancelled_; });
  if (cancelled_) return Error{ErrorCode::cancelled, "the task was cancelled", {}, 0};
  --credit_;
  lock.unlock();
  link_.post(reply(MessageType::task_data), std::move(body));
  return {};
}

void TaskOutput::done(std::string body) {
  link_.post(reply(MessageType::task_done), std::move(body));
}

void TaskOutput::failed(const Error& error) {
  link_.post(reply(MessageType::task_failed), encode(error));
}

void TaskOutput::add_credit(uint64_t count) {
  const std::lock_guard lock(mutex_);
  credit_ += count;
  changed_.notify_all();
}

void TaskOutput::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

}  // namespace twsync
