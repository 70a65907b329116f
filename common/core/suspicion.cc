#include "common/core/suspicion.h"

#include "common/core/planner.h"

namespace twsync {

namespace {

bool is_empty_file(const Entry& e) {
  return e.is_file() && e.size == 0;
}

/// R107: a file with the very mtime of the other side's file is that version, or what is left of it.
bool is_torn_copy(const Entry& now, const Boxed<Entry>& there) {
  if (!there || !now.is_file() || !there->is_file() || now.mtime_ns != there->mtime_ns) return false;
  return now.size != there->size || now.digest != there->digest;
}

/// R104: a file system that was cut in the middle of a truncation ends it when it is mounted (ext4), and sets both
/// times then: after the boot, and before anybody looked.
bool is_cut_truncation(const Entry& now, const Doubt& doubt) {
  return is_empty_file(now) && now.mtime_ns == now.stamp.ctime_ns && now.stamp.ctime_ns < doubt.first_look_ns;
}

/// R104
bool is_emptied(const Entry& now, const BaseRow* base, const Boxed<Entry>& there) {
  if (!is_empty_file(now)) return false;
  if (base != nullptr) return base->agreed.is_file() && base->agreed.size > 0;
  return there && there->is_file() && there->size > 0;
}

/// Other content than the base's at a place that the base knows.
bool is_damaged(const PathState& state, Side side, const Entry& now, const Doubt& doubt) {
  const Stamp& record = state.base->side(side).stamp;
  if (now.stamp.ctime_ns <= record.ctime_ns) return true;  // R101
  const auto& there = state.side(other(side));
  if (now.stamp.ctime_ns >= doubt.stopped_before_ns)  // R100
    return is_cut_truncation(now, doubt) && is_emptied(now, &*state.base, there);
  if (recorded_lately(*state.base, doubt)) return true;                     // R102
  if (!now.is_directory() && now.mtime_ns == record.mtime_ns) return true;  // R103
  return is_emptied(now, &*state.base, there) || is_torn_copy(now, there);
}

/// R106: it was deleted or renamed shortly before the stop, and that came undone. A directory's ctime follows its
/// children, so it says nothing about when the record was made.
bool is_resurrected(const BaseRow& dropped, Side side, const Entry& now, const Doubt& doubt) {
  const Stamp& record = dropped.side(side).stamp;
  if (now.kind != dropped.agreed.kind || now.stamp.inode != record.inode) return false;
  if (now.is_directory()) return now.stamp.ctime_ns < doubt.stopped_before_ns;
  return now.stamp.size == record.size && now.mtime_ns == record.mtime_ns && now.stamp.ctime_ns <= record.ctime_ns;
}

/// R108: the metadata of before, or of another entry that stands here since a rename came undone.
bool has_old_metadata(const BaseRow& base, Side side, const Entry& now, const Doubt& doubt) {
  const Stamp& record = base.side(side).stamp;
  if (now.stamp.ctime_ns < record.ctime_ns) return true;
  const bool another = now.stamp.inode != record.inode && now.stamp.ctime_ns < doubt.stopped_before_ns;
  return another && recorded_lately(base, doubt);
}

bool is_damaged_newcomer(const PathState& state, Side side, const Entry& now, const Doubt& doubt) {
  if (state.dropped && is_resurrected(*state.dropped, side, now, doubt)) return true;
  const auto& there = state.side(other(side));
  const bool emptied = is_emptied(now, nullptr, there);
  if (now.stamp.ctime_ns >= doubt.stopped_before_ns) return emptied && is_cut_truncation(now, doubt);  // R100
  return emptied || is_torn_copy(now, there);
}

}  // namespace

bool recorded_lately(const BaseRow& row, const Doubt& doubt) {
  return row.round > doubt.after_round && row.round <= doubt.up_to_round;
}

bool must_verify(const BaseRow* row, Side side, const Entry& now, const Policy& policy) {
  const Doubt& doubt = policy.doubt(side);
  if (!doubt.active || !doubt.fresh || row == nullptr || !now.is_file() || !row->agreed.is_file()) return false;
  return recorded_lately(*row, doubt) && now.stamp == row->side(side).stamp && !now.digest.known();
}

Suspicion suspicion_of(const PathState& state, Side side, const Policy& policy) {
  const Doubt& doubt = policy.doubt(side);
  const auto& now = state.side(side);
  if (!doubt.active || !now || now->kind == Kind::other) return Suspicion::none;
  if (!state.base) {
    const bool damaged = now->exists() && is_damaged_newcomer(state, side, *now, doubt);
    return damaged ? Suspicion::whole : Suspicion::none;
  }
  if (!now->exists()) {  // R105
    return doubt.fresh && recorded_lately(*state.base, doubt) ? Suspicion::whole : Suspicion::none;
  }
  const EntryDiff diff = diff_entry(&*state.base, side, *now, policy);
  if (diff.kind || diff.content || diff.content_unknown) {
    return is_damaged(state, side, *now, doubt) ? Suspicion::whole : Suspicion::none;
  }
  const bool old = diff.metadata() && has_old_metadata(*state.base, side, *now, doubt);
  return old ? Suspicion::metadata : Suspicion::none;
}

}  // namespace twsync
