#include "workers/transfer/transfer_session.h"

#include <algorithm>
#include <chrono>

#include "common/base/text.h"

namespace twsync {
namespace {

constexpr size_t kFrameHeaderBytes = 12;
constexpr int64_t kTellEveryNs = 200 * kMillisecond;

Error cancelled(const char* what) {
  return Error{ErrorCode::cancelled, what, {}, 0};
}

std::vector<uint32_t> sorted_ids(const Batch& batch) {
  std::vector<uint32_t> ids;
  ids.reserve(batch.operations.size());
  for (const Operation& op : batch.operations) ids.push_back(op.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

TransferSession::TransferSession(TransferSessionOptions options, Open open, TransferEvents events, Clock& clock)
    : options_(std::move(options)),
      open_(std::move(open)),
      events_(std::move(events)),
      clock_(clock),
      bucket_(options_.bytes_per_second),
      sender_([this] { sender_loop(); }) {}

TransferSession::~TransferSession() {
  {
    const std::lock_guard lock(mutex_);
    abandon_ = true;
  }
  close(cancelled("the transfer worker is stopping"));
  sender_.join();
  if (receiver_.joinable()) receiver_.join();
  intake_.reset();  // its thread reports into this object
}

Status TransferSession::submit(std::string task, Batch&& batch) {
  const std::lock_guard lock(mutex_);
  if (ending_) return *ending_;
  std::deque<Queued>& queue = batch.side == Side::code ? code_queue_ : deploy_queue_;
  queue.push_back({std::move(task), std::move(batch), next_stream_++, false});
  changed_.notify_all();
  return {};
}

void TransferSession::cancel(const std::string& task) {
  bool dropped = false;
  {
    const std::lock_guard lock(mutex_);
    const auto drop = [&](std::deque<Queued>& queue) {
      dropped = std::erase_if(queue, [&](const Queued& queued) { return queued.task == task; }) > 0 || dropped;
    };
    drop(code_queue_);
    drop(deploy_queue_);
  }
  if (dropped) events_.failed(task, cancelled("the task was cancelled before it began"));
}

void TransferSession::close(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!ending_) ending_ = error;
  changed_.notify_all();
  if (connection_) connection_->close();
}

bool TransferSession::idle() const {
  const std::lock_guard lock(mutex_);
  return code_queue_.empty() && deploy_queue_.empty() && under_way_.empty();
}

void TransferSession::sender_loop() {
  const Status opened = open_session();
  if (!opened.ok()) {
    close(opened.error());
    fail_everything(opened.error());
    finished_ = true;
    return;
  }
  receiver_ = std::thread([this] { receiver_loop(); });
  // Ends when the connection or the session is over; the receiver, which hears of either, does the rest.
  (void)serve_queues();
}

Status TransferSession::open_session() {
  SYNC_ASSIGN(sender_files_, Sender::open(options_.code_root));
  SYNC_ASSIGN(intake_, ContentIntake::open(options_.code_root, clock_, [this](uint32_t stream, BatchResult result) {
                const Status added = add_results(stream, Side::code, std::move(result));
                if (!added.ok()) close(added.error());
              }));
  SYNC_ASSIGN(std::unique_ptr<Connection> connection, open_());
  const std::lock_guard lock(mutex_);
  if (ending_) return *ending_;
  connection_ = std::move(connection);
  return {};
}

Status TransferSession::serve_queues() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !code_queue_.empty() || !deploy_queue_.empty(); });
    }
    SYNC_TRY(ask_ahead());
    SYNC_ASSIGN(std::optional<Begun> next, begin_next(deploy_queue_));
    if (next) SYNC_TRY(send_deploy_batch(*next));
  }
}

/// What the agent is to do or to say while something else travels.
Status TransferSession::ask_ahead() {
  SYNC_TRY(ask_about_partials(deploy_queue_));
  return ask_for_code_batches();
}

/// Moves a task from its queue to those under way in one step, so that it is never in neither.
Result<std::optional<TransferSession::Begun>> TransferSession::begin_next(std::deque<Queued>& queue) {
  std::unique_lock lock(mutex_);
  if (ending_) return *ending_;
  if (queue.empty() || !queue.front().asked) return std::optional<Begun>();
  Queued next = std::move(queue.front());
  queue.pop_front();
  std::string encoded = encode(next.batch);
  if (encoded.size() > kMaxFrame && !next.batch.partials.empty()) {
    next.batch.partials.clear();
    encoded = encode(next.batch);
  }
  if (encoded.size() > kMaxFrame) {
    lock.unlock();
    events_.failed(next.task,
                   Error{ErrorCode::usage, str("a batch of ", encoded.size(), " bytes is too large to send"), {}, 0});
    return std::optional<Begun>();
  }
  const uint32_t stream = next.stream;
  UnderWay& current = under_way_[stream];
  current.task = std::move(next.task);
  current.side = next.batch.side;
  current.operations = sorted_ids(next.batch);
  current.result.batch = next.batch.id;
  Begun begun{stream, {}, std::move(encoded)};
  if (current.side == Side::code) {
    expected_.push_back({stream, std::move(next.batch)});
  } else {
    begun.batch = std::move(next.batch);
  }
  return std::optional<Begun>(std::move(begun));
}

Status TransferSession::ask_for_code_batches() {
  for (;;) {
    SYNC_TRY(ask_about_partials(code_queue_));
    {
      const std::lock_guard lock(mutex_);
      if (code_queue_.empty()) return {};
    }
    SYNC_ASSIGN(std::optional<Begun> next, begin_next(code_queue_));
    if (next) SYNC_TRY(send_frame(FrameType::send, next->stream, std::move(next->encoded)));
  }
}

Status TransferSession::send_deploy_batch(Begun& begun) {
  SYNC_TRY(wait_for_partials(begun));
  SYNC_TRY(send_frame(FrameType::apply, begun.stream, begun.encoded));
  Status connected;
  const Status sent = sender_files_->send(begun.batch, [&](std::string block) -> Status {
    pace(block.size());
    // A large file must not keep the other direction waiting.
    connected = ask_ahead();
    if (connected.ok()) connected = send_frame(FrameType::content, begun.stream, std::move(block));
    return connected;
  });
  SYNC_TRY(connected);
  const Error error = sent.ok() ? Error{} : sent.error();
  return send_frame(FrameType::content_end, begun.stream, encode(Reply{error}));
}

Status TransferSession::send_frame(FrameType type, uint32_t stream, std::string payload) {
  count_wire(stream, payload.size());
  return connection_->send(type, stream, std::move(payload));
}

void TransferSession::pace(uint64_t bytes) {
  std::unique_lock lock(mutex_);
  const int64_t wait_ns = bucket_.take(bytes, clock_.steady_ns());
  if (wait_ns > 0) changed_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return ending_.has_value(); });
}

void TransferSession::count_wire(uint32_t stream, size_t payload) {
  std::string task;
  uint64_t bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(stream);
    if (found == under_way_.end()) return;
    UnderWay& current = found->second;
    current.wire_bytes += payload + kFrameHeaderBytes;
    const int64_t now = clock_.steady_ns();
    if (!events_.progress || now - current.told_ns < kTellEveryNs) return;
    current.told_ns = now;
    task = current.task;
    bytes = current.wire_bytes;
  }
  events_.progress(task, bytes);
}

void TransferSession::fail_everything(const Error& error) {
  std::vector<std::string> tasks;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [stream, current] : under_way_) tasks.push_back(std::move(current.task));
    for (Queued& queued : code_queue_) tasks.push_back(std::move(queued.task));
    for (Queued& queued : deploy_queue_) tasks.push_back(std::move(queued.task));
    under_way_.clear();
    code_queue_.clear();
    deploy_queue_.clear();
  }
  for (const std::string& task : tasks) events_.failed(task, error);
}

}  // namespace twsync
