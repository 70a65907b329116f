#include "workers/resolver/plan_run.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/core/units.h"
#include "workers/resolver/parked_items.h"
#include "workers/resolver/plan_batches.h"
#include "workers/resolver/recent_deletions.h"
#include "workers/resolver/results_by_id.h"
#include "workers/resolver/store_care.h"
#include "workers/resolver/twins.h"
#include "workers/resolver/unkept.h"

namespace twsync {

namespace {

constexpr size_t kInFlight = 12;  // batches handed to the broker at a time: enough that no worker's stream drains
constexpr uint64_t kWorthWaiting = 16U << 20U;  // bytes
constexpr int64_t kRoomIsKnownFor = 120 * kSecond;
constexpr int64_t kProgressEvery = 200 * kMillisecond;

// It was moved, but what it holds by now nobody can say.
bool is_unsure(const Operation& op, const OpResult& result) {
  const bool known_before = op.kind == OpKind::rename && op.expected.digest.known();
  return known_before && result.target.is_file() && !result.target.digest.known();
}

// What a person approved is no sign of a mishap, nor what only came back after an unclean stop.
bool counts_as_deletion(const Operation& op) {
  return (op.kind == OpKind::remove || op.kind == OpKind::remove_directory) &&
         op.cause != LoserCause::approved_deletion && op.cause != LoserCause::suspect;
}

}  // namespace

TransferTask transfer_task(const PairWork& work, const Policy& policy, Batch batch) {
  TransferTask task;
  task.pair_id = work.meta.pair_id;
  task.hash_key = work.meta.hash_key;
  task.preserve_owner = policy.preserve_owner;
  task.preserve_xattrs = policy.preserve_xattrs;
  task.preserve_setuid = work.config.preserve_setuid;
  task.batch = std::move(batch);
  return task;
}

PlanRun::PlanRun(PairWork& work, const CycleServices& services, const Policy& policy, int64_t scanned_code_ns,
                 int64_t scanned_deploy_ns, bool list_operations)
    : work_(work),
      services_(services),
      policy_(policy),
      scanned_ns_{scanned_code_ns, scanned_deploy_ns},
      list_operations_(list_operations),
      recorder_(*work.base, work.pending, policy, work.meta.round),
      decisions_(work) {
  progress_.stage = "transferring";
}

PlanOutcome PlanRun::run(const Plan& plan) {
  uint64_t bytes = 0;
  for (const auto& op : plan.operations) {
    if (op.kind == OpKind::put_file) bytes += op.desired.size;
  }
  expect(plan.operations.size(), bytes);
  decisions_.add(plan.conflicts);
  run_stages(plan.operations);
  return finish();
}

void PlanRun::expect(uint64_t operations, uint64_t content_bytes) {
  progress_.files_total = operations;
  progress_.bytes_total = content_bytes;
  report_progress(true);
}

PlanOutcome PlanRun::finish() {
  hand_out_rest();
  hand_out_full();
  // After a failure too: what other workers still carry is durable over there and belongs into the base.
  collect(0);
  report_progress(true);
  outcome_.decided = std::move(decisions_.decided());
  return std::move(outcome_);
}

void PlanRun::run_stages(const std::vector<Operation>& operations) {
  size_t begin = 0;
  while (begin < operations.size() && outcome_.error.code == ErrorCode::ok) {
    size_t end = begin;
    while (end < operations.size() && operations[end].stage == operations[begin].stage) ++end;
    if (collect_pieces(piece_)) run_stage(operations, begin, end);
    begin = end;
  }
}

void PlanRun::run_stage(const std::vector<Operation>& operations, size_t begin, size_t end) {
  CopiesLast order = copies_last(operations, begin, end);
  if (held_.any() || !broken_units_.empty()) withhold(order.first);
  // To know what stands there by then may save their bytes.
  const size_t until_in_flight = order.copied_bytes < kWorthWaiting ? kInFlight : 0;
  if (submit_all(order.first) && collect(until_in_flight)) submit_all(order.copies);
}

bool PlanRun::submit_all(const std::vector<const Operation*>& operations) {
  BatchCutter cutter(operations, BatchLimits{});
  while (auto batch = cutter.next()) {
    // Of an ordered stage one batch is in flight: the next may build on it.
    if ((cutter.ordered() && !collect_ordered()) || !collect(kInFlight - 1)) return false;
    if (const Status announced = decisions_.announce(*batch, services_.clock.wall_ns()); !announced) {
      outcome_.error = announced.error();
      return false;
    }
    submit(std::move(*batch));
  }
  return true;
}

void PlanRun::submit(Batch batch) {
  batch.id = next_batch_++;
  batch.epoch = work_.meta.epoch;
  batch.cycle = work_.cycle;
  batch.scanned_ns = scanned_ns_[static_cast<size_t>(batch.side)];
  const StoreWatch& stores = work_.stores;
  if (stores.wants_room && services_.clock.wall_ns() - stores.tended_ns < kRoomIsKnownFor)
    batch.room_bytes = stores.facts[static_cast<size_t>(batch.side)].room_bytes;
  // Without them the files travel.
  if (!offer_twins(work_, batch).ok()) batch.twins.clear();
  TransferTask task = transfer_task(work_, policy_, std::move(batch));
  const std::string id = services_.tasks.start(std::string(kTransferService), work_.config.name, encode(task), inbox_);
  Flight flight;
  for (const auto& op : task.batch.operations) {
    if (op.kind == OpKind::put_file) flight.content_bytes += op.desired.size;
  }
  flight.batch = std::move(task.batch);
  flight.piece = piece_;
  in_flight_.emplace(id, std::move(flight));
}

/// What travelled stands for what was carried until the batch's results say it exactly.
void PlanRun::take_progress(Flight& flight, std::string_view body) {
  const auto progress = decode<TransferProgress>(body);
  if (!progress) return;
  flight.carried_bytes = std::min(progress->wire_bytes, flight.content_bytes);
  report_progress(false);
}

bool PlanRun::collect(size_t until_in_flight) {
  while (in_flight_.size() > until_in_flight) take_event();
  return outcome_.error.code == ErrorCode::ok;
}

/// What comes next may build on it.
bool PlanRun::collect_ordered() {
  const auto ordered = [this](const auto& item) { return item.second.batch.ordered && item.second.piece <= piece_; };
  while (std::any_of(in_flight_.begin(), in_flight_.end(), ordered)) take_event();
  return outcome_.error.code == ErrorCode::ok;
}

bool PlanRun::collect_pieces(uint64_t last) {
  const auto needed = [last](const auto& item) { return item.second.piece <= last; };
  while (std::any_of(in_flight_.begin(), in_flight_.end(), needed)) take_event();
  return outcome_.error.code == ErrorCode::ok;
}

void PlanRun::take_event() {
  const bool stopping = services_.stop();
  auto event = inbox_->pop(stopping ? 0 : 200);
  if (!event && stopping) {
    if (outcome_.error.code == ErrorCode::ok) outcome_.error = {ErrorCode::cancelled, "shutting down", {}, 0};
    for (const auto& [id, flight] : in_flight_) services_.tasks.cancel(id);
    in_flight_.clear();
  }
  if (!event) return report_progress(false);
  const auto flight = in_flight_.find(event->task);
  if (flight == in_flight_.end()) return;
  if (event->data) return take_progress(flight->second, event->body);
  const Batch batch = std::move(flight->second.batch);
  in_flight_.erase(flight);
  auto result =
      event->error.code == ErrorCode::ok ? decode<BatchResult>(event->body) : Result<BatchResult>(event->error);
  if (result) return take_result(batch, *result);
  // Nothing is known of what this batch did: its paths are scanned again.
  for (const auto& op : batch.operations) outcome_.again.push_back(op.path);
  if (outcome_.error.code == ErrorCode::ok) outcome_.error = result.error();
}

void PlanRun::take_result(const Batch& batch, const BatchResult& result) {
  (batch.side == Side::deploy ? outcome_.bytes_sent : outcome_.bytes_received) += result.wire_bytes;
  const Status recorded = record(batch, result);
  if (!recorded) {
    work_.base->rollback();
    if (outcome_.error.code == ErrorCode::ok) outcome_.error = recorded.error();
  }
  report_progress(false);
}

Status PlanRun::record(const Batch& batch, const BatchResult& result) {
  const ResultsById results(result.results);
  SYNC_TRY(work_.base->begin(false));
  uint64_t deletions = 0;
  for (const auto& op : batch.operations) {
    const OpResult* const found = results.find(op.id);
    if (found == nullptr) continue;
    SYNC_TRY(decisions_.settle(op, *found));
    if (found->code != ErrorCode::ok) continue;
    SYNC_TRY(recorder_.achieved(op, *found));
    SYNC_TRY(note_metadata(work_, services_, policy_, op, *found));
    if (counts_as_deletion(op)) ++deletions;
  }
  SYNC_TRY(recorder_.settle_names());
  SYNC_TRY(note_deletions(work_, batch.side, deletions, services_.clock.wall_ns()));
  SYNC_TRY(work_.base->commit());
  for (const auto& op : batch.operations) {
    if (const OpResult* const found = results.find(op.id)) {
      take_one(op, *found);
    } else {
      did_not_arrive(op, ErrorCode::stale);
      outcome_.again.push_back(op.path);
    }
  }
  if (!applied_.empty()) services_.applied(applied_);
  applied_.clear();
  return {};
}

void PlanRun::take_one(const Operation& op, const OpResult& result) {
  ++progress_.files_done;
  if (op.kind == OpKind::put_file) progress_.bytes_done += op.desired.size;
  note_uncopied(work_, op, result);
  if (result.code != ErrorCode::ok) return take_failure(op, result);
  ++outcome_.done;
  if (is_unsure(op, result)) outcome_.again.push_back(op.path);
  outcome_.content_bytes += result.bytes;
  if (!result.version.empty()) note_displaced(work_, services_.clock.wall_ns());
  if (services_.applied) applied_.push_back({op, result, decisions_.rule(op.path)});
  if (result.resumed > 0) report_resumed(op, result);
  if (list_operations_) report(op, ErrorCode::ok, {});
  if (result.apart) report_apart(op, result);
}

void PlanRun::report_resumed(const Operation& op, const OpResult& result) {
  Event event;
  event.kind = EventKind::note;
  event.text = str(op.path, ": the transfer that had been cut went on: ", result.resumed, " of ", result.bytes,
                   " bytes were on the ", to_string(op.side), " side already");
  services_.emit(std::move(event));
}

void PlanRun::report_apart(const Operation& op, const OpResult& result) {
  ++outcome_.apart;
  Event event;
  event.kind = EventKind::skipped;
  event.path = op.path;
  event.text = str("on the ", to_string(op.side), " side it ", result.message, "; it will stay one");
  services_.emit(std::move(event));
}

void PlanRun::take_failure(const Operation& op, const OpResult& result) {
  did_not_arrive(op, result.code);
  if (op.kind == OpKind::remove_directory && result.code == ErrorCode::exists) {
    if (!work_.kept[static_cast<size_t>(op.side)].insert(op.path).second) return;
    ++outcome_.kept_directories;
    Event event;
    event.kind = EventKind::skipped;
    event.path = op.path;
    event.text = str("kept on the ", to_string(op.side), " side: something below it is new, ignored or mounted");
    event.code = result.code;
    services_.emit(std::move(event));
    return;
  }
  if (!needs_person(result.code)) {
    outcome_.again.push_back(op.path);
    if (!op.from.empty()) outcome_.again.push_back(op.from);
    return;
  }
  const auto unit = unit_of(policy_, op.path);
  if (unit && result.message.starts_with(kGoesTogether)) return;  // told with the one that failed
  ++outcome_.failed;
  std::string text = str(to_string(op.kind), " on the ", to_string(op.side), " side: ", result.message);
  const bool of_group = op.stage == OpStage::content || op.stage == OpStage::removal;
  if (unit && of_group) text += str("; nothing of ", escape_bytes(policy_.units[*unit]), " was carried there");
  report(op, result.code, text);
  outcome_.parked.push_back({parked_reason(result.code), op.side, op.path, std::move(text)});
}

void PlanRun::report(const Operation& op, ErrorCode code, const std::string& text) {
  Event event;
  event.kind = EventKind::operation;
  event.path = op.path;
  event.operation = op;
  event.code = code;
  event.text = text;
  services_.emit(std::move(event));
}

void PlanRun::report_progress(bool force) {
  const int64_t now = services_.clock.steady_ns();
  if (!force && now - last_progress_ns_ < kProgressEvery) return;
  last_progress_ns_ = now;
  Event event;
  event.kind = EventKind::progress;
  event.progress = progress_;
  for (const auto& [id, flight] : in_flight_) event.progress->bytes_done += flight.carried_bytes;
  services_.emit(std::move(event));
}

}  // namespace twsync
