#include "workers/agent/content_intake.h"

namespace twsync {
namespace {

Error violation(const char* what) { return Error{ErrorCode::peer_violation, what, {}, 0}; }

}  // namespace

Result<std::unique_ptr<ContentIntake>> ContentIntake::open(const RootOptions& options, Clock& clock, Results results,
                                                           Refused refused) {
  std::unique_ptr<ContentIntake> intake(new ContentIntake(std::move(results), std::move(refused)));
  ContentIntake* raw = intake.get();
  SYNC_ASSIGN(intake->applier_,
              Applier::open(options, clock, [raw](BatchResult result) { raw->on_results(std::move(result)); }));
  return intake;
}

ContentIntake::~ContentIntake() = default;

Status ContentIntake::begin(uint32_t stream, Batch batch) {
  if (open_) return violation("a batch before the last one ended");
  open_ = true;
  stream_ = stream;
  {
    // Before begin(): results of a batch without content may come at once.
    const std::lock_guard lock(mutex_);
    applying_.push_back({stream, batch.id});
  }
  const Status begun = applier_->begin(std::move(batch));
  begun_ = begun.ok();
  discard_ = !begun_;
  if (begun_) return {};
  {
    const std::lock_guard lock(mutex_);
    applying_.pop_back();
  }
  refused_(stream, begun.error());
  return {};
}

Status ContentIntake::content(uint32_t stream, std::string_view block) {
  if (!open_ || stream != stream_) return violation("content without its batch");
  if (discard_) return {};
  const Status taken = applier_->content(block);
  if (taken.ok()) return {};
  // Damaged on the way: what was whole before stays good, the rest of this batch's files fail one by one (I13).
  applier_->abort_content(taken.error());
  discard_ = true;
  return {};
}

Status ContentIntake::end(uint32_t stream, std::string_view payload) {
  if (!open_ || stream != stream_) return violation("end of content without its batch");
  SYNC_ASSIGN(const Reply reply, decode<Reply>(payload));
  open_ = false;
  if (!begun_) return {};
  if (reply.error.code != ErrorCode::ok && !discard_) applier_->abort_content(reply.error);
  return applier_->end();
}

void ContentIntake::abort(const Error& error) {
  if (!open_) return;
  open_ = false;
  if (!begun_) return;
  if (!discard_) applier_->abort_content(error);
  (void)applier_->end();  // fails only where no results can come; the session's end tells the rest
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
