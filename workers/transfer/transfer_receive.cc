// The receiving half of a TransferSession.
#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "workers/agent/listing_check.h"
#include "workers/transfer/transfer_session.h"

namespace twsync {
namespace {

Error violation(std::string what) {
  return Error{ErrorCode::peer_violation, std::move(what), {}, 0};
}

/// Exactly one result for each operation: more is a lie, fewer are told as failed.
Status complete_results(const std::vector<uint32_t>& operations, std::vector<OpResult>& results) {
  std::vector<uint32_t> told;
  told.reserve(results.size());
  for (const OpResult& result : results) told.push_back(result.id);
  std::sort(told.begin(), told.end());
  if (std::adjacent_find(told.begin(), told.end()) != told.end()) return violation("two results for one operation");
  if (!std::includes(operations.begin(), operations.end(), told.begin(), told.end())) {
    return violation("a result for an operation that was not asked for");
  }
  std::vector<uint32_t> missing;
  std::set_difference(operations.begin(), operations.end(), told.begin(), told.end(), std::back_inserter(missing));
  for (const uint32_t id : missing) {
    OpResult& result = results.emplace_back();
    result.id = id;
    result.code = ErrorCode::peer_violation;
    result.message = "no result was reported";
  }
  return {};
}

/// What is told goes into the base, and into what people read and paste.
Status check_told(std::vector<OpResult>& results) {
  for (OpResult& result : results) {
    if (!result.version.empty() && !is_version_id(result.version)) return violation("an invalid version");
    make_printable(result.message);
    if (result.target.exists()) SYNC_TRY(check_peer_entry({{}, result.target}));
    if (result.source.exists()) SYNC_TRY(check_peer_entry({{}, result.source}));
  }
  return {};
}

}  // namespace

void TransferSession::receiver_loop() {
  for (;;) {
    Result<Frame> frame = connection_->receive(-1);
    if (!frame.ok()) return finish_receiving(frame.error());
    const Status taken = take(std::move(*frame));
    if (!taken.ok()) return finish_receiving(taken.error());
  }
}

Status TransferSession::take(Frame&& frame) {
  count_wire(frame.stream, frame.payload.size());
  switch (frame.type) {
    case FrameType::results:
      return take_results(frame);
    case FrameType::partials_reply:
      return take_partials(frame);
    case FrameType::content:
    case FrameType::content_end:
      return take_content(std::move(frame));
    case FrameType::error: {
      SYNC_ASSIGN(Reply told, decode<Reply>(frame.payload));
      make_printable(told.error.message);
      return told.error.code == ErrorCode::ok ? violation("an error that is none") : told.error;
    }
    default:
      return violation(str("unexpected frame of type ", static_cast<unsigned>(frame.type)));
  }
}

Status TransferSession::take_results(const Frame& frame) {
  SYNC_ASSIGN(BatchResult piece, decode<BatchResult>(frame.payload));
  SYNC_TRY(check_told(piece.results));
  return add_results(frame.stream, Side::deploy, std::move(piece));
}

Status TransferSession::take_content(Frame&& frame) {
  if (intake_->ended()) {
    Expected next;
    {
      const std::lock_guard lock(mutex_);
      if (expected_.empty() || expected_.front().stream != frame.stream)
        return violation("content that was not asked for");
      next = std::move(expected_.front());
      expected_.pop_front();
    }
    SYNC_TRY(intake_->begin(next.stream, std::move(next.batch)));
  }
  if (frame.type == FrameType::content_end) return intake_->end(frame.stream, frame.payload);
  pace(frame.payload.size());
  return intake_->content(frame.stream, std::move(frame.payload));
}

Status TransferSession::add_results(uint32_t stream, Side side, BatchResult piece) {
  UnderWay whole;
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(stream);
    // The code side's own results may come when its task has been failed already.
    if (found == under_way_.end() && side == Side::code) return {};
    if (found == under_way_.end() || found->second.side != side) return violation("results for no batch");
    UnderWay& current = found->second;
    std::vector<OpResult>& results = current.result.results;
    results.insert(results.end(), std::make_move_iterator(piece.results.begin()),
                   std::make_move_iterator(piece.results.end()));
    if (results.size() > current.operations.size()) return violation("more results than operations");
    if (!piece.last) return {};
    SYNC_TRY(complete_results(current.operations, results));
    whole = std::move(current);
    under_way_.erase(found);
  }
  whole.result.last = true;
  whole.result.wire_bytes = whole.wire_bytes;
  events_.done(whole.task, std::move(whole.result));
  return {};
}

void TransferSession::finish_receiving(Error error) {
  bool abandon = false;
  close(error);  // the first error stays, and the sender wakes
  {
    const std::lock_guard lock(mutex_);
    error = *ending_;
    abandon = abandon_;
  }
  intake_->abort(error);
  if (!abandon) (void)intake_->drain();  // what arrived whole is applied and reported
  fail_everything(error);
  finished_ = true;
}

}  // namespace twsync
