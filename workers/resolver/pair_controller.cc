#include "workers/resolver/pair_controller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "workers/resolver/recorder.h"
#include "workers/resolver/resolve_request.h"
#include "workers/resolver/root_claim.h"

namespace twsync {

namespace {

constexpr int64_t kDeletionSettleNs = 100 * kMillisecond;
constexpr int kMoreTimeoutMs = 2000;
constexpr int64_t kRetryMs = 3000;

std::string sources_of(const std::vector<Hint>& hints) {
  std::set<std::string> names;
  for (const auto& hint : hints) names.insert(to_string(hint.source));
  std::string out;
  for (const auto& name : names) out += str(out.empty() ? "" : ", ", name);
  return out;
}

std::string reason_of(const Operation& op, const std::string& rule) {
  if (!rule.empty()) return "conflict " + rule;
  if (op.cause != LoserCause::ordinary) return to_string(op.cause);
  return str("changed on the ", to_string(other(op.side)), " side");
}

}  // namespace

bool closes_pair(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::peer_violation || code == ErrorCode::timeout ||
         code == ErrorCode::stale || code == ErrorCode::guard || code == ErrorCode::cancelled ||
         code == ErrorCode::busy;
}

PairController::PairController(PairConfig config, WorkerLink& link, TaskClient& tasks, Clock& clock,
                               ControllerOptions options)
    : link_(link),
      tasks_(tasks),
      clock_(clock),
      options_(options),
      services_{tasks_, clock_, [this](Event e) { emit(std::move(e)); }, [this] { return stopping(); },
                [this](const std::vector<AppliedOperation>& applied) { log_applied(applied); }} {
  work_.config = std::move(config);
  thread_ = std::thread([this] { run(); });
}

PairController::~PairController() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void PairController::lease(Lease lease) {
  const std::lock_guard lock(mutex_);
  next_ = std::move(lease);
  changed_.notify_all();
}

void PairController::more(Lease lease) {
  const std::lock_guard lock(mutex_);
  more_ = std::move(lease);
  changed_.notify_all();
}

bool PairController::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void PairController::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wait_for_lease(lock);
    if (stop_) break;
    const Lease lease = std::move(*next_);
    next_.reset();
    lock.unlock();
    work_on(lease);
  }
  // The base keeps saying "not closed" when this fails: only more is read again at the next start.
  (void)close_pair(work_).ok();
}

void PairController::wait_for_lease(std::unique_lock<std::mutex>& lock) {
  const auto awaited = [&] { return stop_ || next_.has_value(); };
  while (!awaited()) {
    // What is due while nothing is asked for: `work_` is this thread's alone.
    const auto due = next_chore_ns();
    if (!due) {
      changed_.wait(lock, awaited);
      return;
    }
    const int64_t rest = *due - clock_.steady_ns();
    if (rest > 0 && changed_.wait_for(lock, std::chrono::nanoseconds(rest), awaited)) return;
    lock.unlock();
    do_chore();
    lock.lock();
  }
}

void PairController::work_on(const Lease& lease) {
  again_.clear();
  lease_error_ = Error{ErrorCode::ok, {}, {}, 0};
  bool hints_done = false;
  for (const auto& request : lease.requests) {
    request_ = request.id;
    asked_by_ = str(to_string(request.source), request.asked_by.empty() ? "" : " ", request.asked_by);
    hints_done = answer(request, lease) || hints_done;
  }
  request_.clear();
  if (!lease.hints.empty() && !hints_done && (options_.live || lease.requests.empty())) {
    CycleOrder order;
    order.only_news = true;
    for (const auto& hint : lease.hints) order.hints.add(hint);
    asked_by_ = sources_of(lease.hints);
    const int64_t leased_at = clock_.steady_ns();
    if (options_.live) order.more_hints = [this, id = lease.id, leased_at] { return fetch_more(id, leased_at); };
    Summary summary;
    if (const Status opened = ensure_open(Opening::claim); !opened) {
      summary = not_opened(work_, opened.error());
    } else {
      summary = run_cycle(order).summary;
    }
    lease_error_ = summary.error;
    Event event;
    event.kind = EventKind::cycle;
    event.summary = summary;
    emit(std::move(event));
  }
  give_back(lease, lease_error_);
}

bool PairController::answer(const Request& request, const Lease& lease) {
  const Summary summary = perform(request, lease);
  Event event;
  event.kind = EventKind::summary;
  event.summary = summary;
  event.text = summary.error.code == ErrorCode::ok ? "" : describe(summary.error);
  emit(std::move(event));
  const bool whole = request.kind == RequestKind::sync && request.paths.empty() && !request.dry_run &&
                     request.direction == Direction::both && !request.policy && request.exclude.empty();
  return whole && summary.error.code == ErrorCode::ok;
}

Summary PairController::perform(const Request& request, const Lease& lease) {
  CycleOrder order;
  const bool rehome = request.kind == RequestKind::approve && request.item.starts_with("r-");
  Status ready = ensure_open(rehome ? Opening::rehome : request.dry_run ? Opening::look : Opening::claim);
  if (ready) ready = prepare(request, order);
  if (!ready) return not_opened(work_, ready.error());
  for (const auto& hint : lease.hints) order.hints.add(hint);
  taken_.clear();
  if (order.full && all_is_hinted(request)) take_hints(lease.id, order);
  Summary summary = run_cycle(order).summary;
  // The lease ends with the request's answer; its own hints are worked on after it.
  if (summary.error.code != ErrorCode::ok) again_.insert(again_.end(), taken_.begin(), taken_.end());
  return summary;
}

/// Cron's entry is the backup for all that hints may miss; rules of its own need a look of its own.
bool PairController::all_is_hinted(const Request& request) {
  if (broker_returned_.exchange(false)) work_.hints_complete = false;
  if (!options_.live || request.kind != RequestKind::sync || request.source == HintSource::cron) return false;
  if (!request.exclude.empty() || !work_.pending_known || !work_.hints_complete) return false;
  const std::string asked_by = std::exchange(request_, {});
  const bool passed = cookies_.pass(work_, services_);
  request_ = asked_by;
  return passed;
}

void PairController::take_hints(uint64_t lease, CycleOrder& order) {
  const int64_t asked_at = clock_.steady_ns();
  const auto take = [this](std::vector<Hint> hints) {
    taken_.insert(taken_.end(), hints.begin(), hints.end());
    return hints;
  };
  for (const auto& hint : take(ask_more(lease))) order.hints.add(hint);
  order.full = false;
  order.flushed = true;
  order.more_hints = [this, take, lease, asked_at] { return take(fetch_more(lease, asked_at)); };
}

Status PairController::prepare(const Request& request, CycleOrder& order) {
  order.full = request.kind == RequestKind::sync && request.paths.empty();
  order.direction = request.direction;
  order.dry_run = request.dry_run;
  order.list_operations = request.list_operations;
  order.only_news = request.source == HintSource::cron;
  order.policy = request.policy;
  order.exclude = request.exclude;
  for (const auto& path : request.paths) {
    if (!is_valid_rel_path(path)) return Error{ErrorCode::usage, "not a path below the root", path, 0};
    if (path.empty()) {
      order.full = true;
      order.only.clear();
      break;
    }
    order.only.push_back({path, true});
  }
  if (request.kind == RequestKind::sync) return {};
  return prepare_decision(request, work_, order);
}

CycleResult PairController::run_cycle(const CycleOrder& order) {
  if (!order.dry_run) tend();
  CycleResult result = Cycle(work_, services_, order).run();
  const ErrorCode why = result.summary.error.code;
  const bool damaged = why == ErrorCode::corrupt;
  if ((damaged || ((why == ErrorCode::stale || why == ErrorCode::unreachable) && work_.opened)) && !stopping()) {
    // A worker or a session died under it, or another scanner serves by now, which has not opened the pair: once more
    // from the opening, which says so if the other server is really away. Damage of the base is found where it is read.
    Status opened = damaged ? set_base_aside(work_, services_) : Status{};
    if (opened) opened = open_pair(work_, services_, order.dry_run ? Opening::look : Opening::claim);
    if (opened) {
      again_.insert(again_.end(), result.again.begin(), result.again.end());
      result = Cycle(work_, services_, order).run();
    } else {
      result.summary.error = opened.error();
    }
  }
  again_.insert(again_.end(), result.again.begin(), result.again.end());
  // Success is told when it is on disk on both sides; a service tells it of each batch and flushes when it is quiet.
  if (result.summary.error.code == ErrorCode::ok && !order.dry_run) finish_off();
  if (closes_pair(result.summary.error.code)) work_.opened = false;
  return result;
}

Status PairController::ensure_open(Opening how) {
  if (work_.opened && how == Opening::look) return {};
  if (work_.opened && how == Opening::claim) return raise_epoch_if_due(work_, services_);
  return open_pair(work_, services_, how);
}

std::vector<Hint> PairController::fetch_more(uint64_t lease, int64_t leased_at_ns) {
  const int64_t rest = kDeletionSettleNs - (clock_.steady_ns() - leased_at_ns);
  std::unique_lock lock(mutex_);
  if (rest > 0) changed_.wait_for(lock, std::chrono::nanoseconds(rest), [&] { return stop_; });
  lock.unlock();
  return ask_more(lease);
}

std::vector<Hint> PairController::ask_more(uint64_t lease) {
  {
    const std::lock_guard lock(mutex_);
    more_.reset();
  }
  Envelope envelope;
  envelope.type = MessageType::lease_more;
  envelope.pair = work_.config.name;
  envelope.id = std::to_string(lease);
  link_.post(std::move(envelope), {});
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(kMoreTimeoutMs), [&] { return stop_ || more_.has_value(); });
  if (!more_) return {};
  return std::move(more_->hints);
}

void PairController::emit(Event event) {
  event.pair = work_.config.name;
  event.at_ns = clock_.wall_ns();
  event.cycle = work_.cycle;
  Envelope envelope;
  envelope.type = MessageType::event;
  envelope.pair = work_.config.name;
  envelope.id = request_;
  link_.post(std::move(envelope), encode(event));
}

void PairController::log_applied(const std::vector<AppliedOperation>& applied) {
  if (options_.audit_log == nullptr) return;
  AuditEntry entry{work_.config.name, asked_by_, {}, work_.cycle, clock_.wall_ns()};
  std::string lines;
  for (const auto& [operation, result, rule] : applied) {
    entry.why = reason_of(operation, rule);
    lines += format_audit_line(entry, operation, result) + "\n";
  }
  options_.audit_log->write(entry.at_ns, lines);
}

void PairController::give_back(const Lease& lease, const Error& error) {
  LeaseDone done;
  done.id = lease.id;
  done.again = std::move(again_);
  // Requests were answered and must not come back; hints that failed beside them do, as a lease of their own that is
  // retried with the broker's patience.
  done.done = error.code == ErrorCode::ok || !lease.requests.empty();
  if (error.code != ErrorCode::ok && done.done)
    done.again.insert(done.again.end(), lease.hints.begin(), lease.hints.end());
  done.error = error;
  if (!done.done) done.retry_ms = kRetryMs;
  Envelope envelope;
  envelope.type = MessageType::lease_done;
  envelope.pair = work_.config.name;
  link_.post(std::move(envelope), encode(done));
}

}  // namespace twsync
