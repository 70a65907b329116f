#include "workers/agent/bulk_session.h"

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "workers/agent/listing_check.h"
#include "workers/agent/frame_split.h"

namespace twsync {
namespace {

constexpr size_t kAskedUnderWay = 64;  // likewise
// The session of a transfer that was cut may not have noticed yet; its agent does within this time, mostly.
constexpr auto kWaitForOther = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(100);
constexpr size_t kSendsUnderWay = 64;  // far above a worker's credit: more is no worker of ours

Error violation(std::string what) {
  return Error{ErrorCode::peer_violation, std::move(what), {}, 0};
}

/// Never the client's word alone: the applier checks again, but a path that is none ends the session here.
Status check_batch(const Batch& batch, Side target) {
  if (batch.side != target) return violation("batch for the wrong side");
  for (const Operation& op : batch.operations) {
    if (op.side != target) return violation("operation for the wrong side");
    const bool root_itself = op.path.empty() && op.kind != OpKind::set_metadata;
    if (root_itself || !is_peer_path(op.path)) return violation(str("invalid path ", escape_bytes(op.path)));
    if (op.kind < OpKind::make_directory || op.kind > OpKind::link) return violation("unknown operation");
    const bool has_from = op.kind == OpKind::rename || op.kind == OpKind::link;
    if (has_from && (op.from.empty() || !is_peer_path(op.from))) {
      return violation(str("invalid path ", escape_bytes(op.from)));
    }
  }
  for (const Twin& twin : batch.twins) {
    if (twin.path.empty() || !is_peer_path(twin.path)) return violation(str("invalid path ", escape_bytes(twin.path)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<BulkSession>> BulkSession::open(Connection& connection, const RootOptions& options,
                                                       Clock& clock) {
  std::unique_ptr<BulkSession> session(new BulkSession(connection));
  BulkSession* raw = session.get();
  SYNC_ASSIGN(session->sender_, Sender::open(options));
  SYNC_ASSIGN(session->intake_, ContentIntake::open(options, clock, [raw](uint32_t stream, BatchResult result) {
                raw->send_results(stream, std::move(result));
              }));
  session->sender_thread_ = std::thread([raw] { raw->send_loop(); });
  session->answer_thread_ = std::thread([raw] { raw->answer_loop(); });
  return session;
}

BulkSession::~BulkSession() {
  connection_.close();  // first: the sending threads may be waiting for room
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (sender_thread_.joinable()) sender_thread_.join();
  if (answer_thread_.joinable()) answer_thread_.join();
  intake_.reset();
}

Status BulkSession::on_apply(Frame&& frame) {
  if (frame.stream <= last_apply_) return violation("batch out of order");
  last_apply_ = frame.stream;
  SYNC_ASSIGN(Batch batch, decode<Batch>(frame.payload));
  SYNC_TRY(check_batch(batch, Side::deploy));
  return intake_->begin(frame.stream, std::move(batch));
}

Status BulkSession::on_content(Frame&& frame) {
  return intake_->content(frame.stream, std::move(frame.payload));
}

Status BulkSession::on_content_end(Frame&& frame) {
  return intake_->end(frame.stream, frame.payload);
}

Status BulkSession::on_send(Frame&& frame) {
  if (frame.stream <= last_send_) return violation("batch out of order");
  last_send_ = frame.stream;
  SYNC_ASSIGN(Batch batch, decode<Batch>(frame.payload));
  SYNC_TRY(check_batch(batch, Side::code));
  const std::lock_guard lock(mutex_);
  if (sending_.size() >= kSendsUnderWay) return violation("too many batches asked for at once");
  sending_.push_back({frame.stream, std::move(batch)});
  changed_.notify_all();
  return {};
}

Status BulkSession::on_partials(Frame&& frame) {
  SYNC_ASSIGN(PartialsRequest request, decode<PartialsRequest>(frame.payload));
  for (const PartialQuery& file : request.files) {
    if (file.path.empty() || !is_peer_path(file.path)) return violation(str("invalid path ", escape_bytes(file.path)));
  }
  const std::lock_guard lock(mutex_);
  if (asked_.size() >= kAskedUnderWay) return violation("too many questions at once");
  asked_.push_back({frame.stream, std::move(request)});
  changed_.notify_all();
  return {};
}

void BulkSession::finish(const Error& error) {
  intake_->abort(error);
  (void)intake_->drain();  // its error is the one we were told
}

void BulkSession::send_results(uint32_t stream, BatchResult result) {
  for (const BatchResult& piece : split_results(std::move(result))) {
    if (!connection_.send(FrameType::results, stream, encode(piece)).ok()) return;
  }
}

void BulkSession::send_loop() {
  for (;;) {
    Sending next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !sending_.empty(); });
      if (stopping_) return;
      next = std::move(sending_.front());
      sending_.pop_front();
    }
    if (!send_batch(next).ok()) return;  // the session is over
  }
}

void BulkSession::answer_loop() {
  for (;;) {
    Asked next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !asked_.empty(); });
      if (stopping_) return;
      next = std::move(asked_.front());
      asked_.pop_front();
    }
    const PartialsReply reply = look_for(next.request);
    if (!connection_.send(FrameType::partials_reply, next.stream, encode(reply)).ok()) return;
  }
}

PartialsReply BulkSession::look_for(const PartialsRequest& request) {
  const auto until = std::chrono::steady_clock::now() + kWaitForOther;
  for (;;) {
    bool busy = false;
    PartialsReply reply{intake_->partials(request.files, busy)};
    if (!busy || std::chrono::steady_clock::now() > until) return reply;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kLookAgain, [this] { return stopping_; })) return reply;
  }
}

Status BulkSession::send_batch(const Sending& sending) {
  Status connected;
  const Status sent = sender_->send(sending.batch, [&](std::string block) {
    connected = connection_.send(FrameType::content, sending.stream, std::move(block));
    return connected;
  });
  SYNC_TRY(connected);
  const Error error = sent.ok() ? Error{} : sent.error();
  return connection_.send(FrameType::content_end, sending.stream, encode(Reply{error}));
}

}  // namespace twsync
