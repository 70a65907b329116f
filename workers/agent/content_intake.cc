#include "workers/agent/content_intake.h"

namespace twsync {
namespace {

Error violation(const char* what) {
  return Error{ErrorCode::peer_violation, what, {}, 0};
}

}  // namespace

Result<std::unique_ptr<ContentIntake>> ContentIntake::open(const RootOptions& options, Clock& clock, Results results) {
  std::unique_ptr<ContentIntake> intake(new ContentIntake(std::move(results)));
  ContentIntake* raw = intake.get();
  SYNC_ASSIGN(intake->applier_,
              Applier::open(options, clock, [raw](BatchResult result) { raw->on_results(std::move(result)); }));
  return intake;
}

ContentIntake::~ContentIntake() = default;

Status ContentIntake::begin(uint32_t stream, Batch batch) {
  if (open_) return violation("a batch before the last one ended");
  {
    // Before begin(): its results may come at once. After a failure nothing more is begun, so the entry does no harm.
    const std::lock_guard lock(mutex_);
    applying_.push_back({stream, batch.id});
  }
  SYNC_TRY(applier_->begin(std::move(batch)));
  open_ = true;
  stream_ = stream;
  return {};
}

Status ContentIntake::content(uint32_t stream, std::string block) {
  if (!open_ || stream != stream_) return violation("content without its batch");
  return applier_->content(std::move(block));
}

Status ContentIntake::end(uint32_t stream, std::string_view payload) {
  if (!open_ || stream != stream_) return violation("end of content without its batch");
  SYNC_ASSIGN(const Reply reply, decode<Reply>(payload));
  open_ = false;
  if (reply.error.code == ErrorCode::ok) return applier_->end();
  applier_->abort_content(reply.error);  // closes the batch
  return {};
}

void ContentIntake::abort(const Error& error) {
  if (open_) applier_->abort_content(error);
  open_ = false;
}

void ContentIntake::on_results(BatchResult result) {
  Applying current;
  {
    const std::lock_guard lock(mutex_);
    if (applying_.empty()) return;
    current = applying_.front();
    if (result.last) applying_.pop_front();
  }
  result.batch = current.batch;
  results_(current.stream, std::move(result));
}

}  // namespace twsync
