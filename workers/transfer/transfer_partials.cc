// What a TransferSession does so that a cut transfer goes on where it was. It asks for what is there of a large file
// when the file's batch is submitted: the answer has come by the time it is the batch's turn.
#include <algorithm>

#include "workers/transfer/transfer_session.h"

namespace twsync {

Status TransferSession::ask_about_partials(std::deque<Queued>& queue) {
  for (;;) {
    PartialsRequest request;
    uint32_t stream = 0;
    const bool ours = &queue == &code_queue_;
    {
      const std::lock_guard lock(mutex_);
      const auto next = std::find_if(queue.begin(), queue.end(), [](const Queued& one) { return !one.asked; });
      if (next == queue.end()) return {};
      next->asked = true;
      stream = next->stream;
      if (connection_->peer_has(kResumeFeature)) request.files = partial_queries(next->batch);
      if (request.files.empty()) continue;
      if (!ours) answers_.try_emplace(stream);
    }
    if (!ours) {
      SYNC_TRY(send_frame(FrameType::partials, stream, encode(request)));
      continue;
    }
    bool busy = false;
    std::vector<Partial> partials = intake_->partials(request.files, busy);
    const std::lock_guard lock(mutex_);
    const auto same = std::find_if(queue.begin(), queue.end(), [&](const Queued& one) { return one.stream == stream; });
    if (same != queue.end()) same->batch.partials = std::move(partials);
  }
}

Status TransferSession::wait_for_partials(Begun& begun) {
  std::unique_lock lock(mutex_);
  const auto found = answers_.find(begun.stream);
  if (found == answers_.end()) return {};
  changed_.wait(lock, [&] { return ending_ || found->second; });
  if (ending_) return *ending_;
  begun.batch.partials = std::move(found->second->partials);
  // Also those of batches before it that were cancelled: answers come in order.
  answers_.erase(answers_.begin(), std::next(found));
  return {};
}

Status TransferSession::take_partials(const Frame& frame) {
  SYNC_ASSIGN(PartialsReply reply, decode<PartialsReply>(frame.payload));
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(frame.stream);
  if (found == answers_.end() || found->second)
    return Error{ErrorCode::peer_violation, "an answer that was not asked for", {}, 0};
  found->second = std::move(reply);
  changed_.notify_all();
  return {};
}

}  // namespace twsync
