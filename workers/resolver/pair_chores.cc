// What a controller does while nothing is asked for: flushes, looks after version stores, and audits.

#include <algorithm>

#include "common/base/text.h"
#include "workers/resolver/pair_controller.h"
#include "workers/resolver/store_care.h"

namespace twsync {

namespace {

constexpr int64_t kAuditRetryNs = 30 * kSecond;
constexpr int64_t kAuditOnceNs = 2 * kSecond;
constexpr int64_t kTendAtMostEveryNs = kSecond;
constexpr int64_t kTendAtLeastEveryNs = 3'600 * kSecond;

}  // namespace

std::optional<int64_t> PairController::next_chore_ns() const {
  auto due = flush_due_ns(work_);
  const auto also = [&due](int64_t at_ns) { due = std::min(due.value_or(at_ns), at_ns); };
  if (audit_is_due(work_)) also(audit_at_ns_);
  if (const int64_t at = next_tending(work_); at != 0)
    also(clock_.steady_ns() + std::clamp(at - clock_.wall_ns(), kTendAtMostEveryNs, kTendAtLeastEveryNs));
  return due;
}

void PairController::do_chore() {
  const auto flush_at = flush_due_ns(work_);
  if (flush_at && *flush_at <= clock_.steady_ns()) return flush();
  if (tend()) return look_again();
  if (audit_is_due(work_) && audit_at_ns_ <= clock_.steady_ns()) audit();
}

bool PairController::tend() {
  const int64_t at = next_tending(work_);
  if (at == 0 || at > clock_.wall_ns()) return false;
  const auto more_room = tend_stores(work_, services_);
  return more_room && *more_room;
}

/// What is pending is planned by any cycle: one without news will do.
void PairController::look_again() {
  Hint hint;
  hint.source = HintSource::cron;
  hint.pair = work_.config.name;
  Publish body;
  body.hints.push_back(std::move(hint));
  Envelope envelope;
  envelope.type = MessageType::publish;
  envelope.pair = work_.config.name;
  link_.post(std::move(envelope), encode(body));
}

/// A failure costs only that more is read again after an unclean stop; what is wrong the next cycle finds.
void PairController::flush() {
  if (const Status flushed = confirm_flush(work_, services_); !flushed.ok()) {
    Event note;
    note.kind = EventKind::note;
    note.text = "that everything is on disk on both servers could not be confirmed: " + describe(flushed.error());
    emit(std::move(note));
  }
}

void PairController::audit() {
  audit_at_ns_ = clock_.steady_ns() + kAuditRetryNs;
  const auto piece = read_audit_piece(work_, services_);
  if (!piece || !repair(*piece)) return;
  for (const auto& path : piece->unreadable) {
    Event event;
    event.kind = EventKind::skipped;
    event.path = path;
    event.text = str("cannot be read on the ", to_string(piece->side), " side after its unclean stop");
    emit(std::move(event));
  }
  const Recovery done = work_.meta.recovery(piece->side);
  if (!accept_audit(work_, *piece).ok()) return;
  audit_at_ns_ = clock_.steady_ns() + audit_pause_ns(*piece);
  if (!piece->end) return;
  Event note;
  note.kind = EventKind::note;
  note.text = str("everything on the ", to_string(piece->side),
                  " side was read again after its unclean stop: ", done.audited_rows, " entries, ", done.found,
                  " of them damaged and repaired");
  emit(std::move(note));
}

/// True when nothing of what was found is left.
bool PairController::repair(const AuditPiece& piece) {
  if (piece.found.empty()) return true;
  CycleOrder order;
  order.only = piece.found;
  order.found = true;
  const CycleResult result = Cycle(work_, services_, order).run();
  Event event;
  event.kind = EventKind::cycle;
  event.summary = result.summary;
  emit(std::move(event));
  if (closes_pair(result.summary.error.code)) work_.opened = false;
  return result.summary.error.code == ErrorCode::ok &&
         std::none_of(piece.found.begin(), piece.found.end(),
                      [&](const Scope& scope) { return work_.pending.find(piece.side, scope.path) != nullptr; });
}

/// A single run has no quiet time later on: what is due is done before it ends, of an audit a piece of two seconds.
void PairController::finish_off() {
  if (options_.live || !work_.opened) return;
  const int64_t until = clock_.steady_ns() + kAuditOnceNs;
  audit_at_ns_ = 0;
  while (audit_is_due(work_) && audit_at_ns_ < until && clock_.steady_ns() < until && !stopping()) audit();
  if (work_.rounds.unconfirmed) flush();
}

}  // namespace twsync
