#include "workers/resolver/recorder.h"

namespace twsync {

Entry Recorder::current(Side side, const std::string& path, const BaseRow* row) const {
  if (const Entry* e = pending_.find(side, path)) return *e;
  return row != nullptr ? held_entry(*row, side) : Entry{};
}

void Recorder::keep_if_pending(Side side, const std::string& path, const BaseRow* row) {
  const Entry* e = pending_.find(side, path);
  if (e != nullptr && !diff_entry(row, side, *e, policy_).any()) pending_.erase(side, path);
}

Status Recorder::put(BaseRow row) {
  row.round = round_;
  return base_.put(row);
}

Status Recorder::drop(const BaseRow& row) {
  BaseRow dropped = row;
  dropped.round = round_;
  SYNC_TRY(base_.remember_dropped(dropped));
  return base_.drop(row.path);
}

Status Recorder::settle(const std::string& path, const BaseRow* old, const AppliedEntry* applied) {
  const auto row =
      merge_base(old, path, current(Side::code, path, old), current(Side::deploy, path, old), policy_, applied);
  if (row) {
    SYNC_TRY(put(*row));
  } else if (old != nullptr) {
    SYNC_TRY(drop(*old));
  }
  keep_if_pending(Side::code, path, row ? &*row : nullptr);
  keep_if_pending(Side::deploy, path, row ? &*row : nullptr);
  return {};
}

Status Recorder::achieved(const Operation& op, const OpResult& result) {
  if (op.kind == OpKind::rename) return achieved_rename(op, result);
  SYNC_ASSIGN(const auto old, base_.find(op.path));
  const BaseRow* row = old ? &*old : nullptr;
  pending_.set(op.side, op.path, result.target);
  if (op.kind == OpKind::put_file && result.source.is_file()) pending_.set(other(op.side), op.path, result.source);
  Entry desired = op.desired;
  if (op.kind == OpKind::make_directory) desired.mode |= kMadeDirectoryMode;
  const AppliedEntry applied{op.side, desired};
  return settle(op.path, row, &applied);
}

Result<std::vector<BaseRow>> Recorder::rows_of(const std::string& path) {
  std::vector<BaseRow> rows;
  SYNC_ASSIGN(auto cursor, base_.rows({path, true}));
  BaseRow row;
  for (;;) {
    SYNC_ASSIGN(const bool more, cursor->next(row));
    if (!more) return rows;
    rows.push_back(row);
  }
}

Status Recorder::achieved_rename(const Operation& op, const OpResult& result) {
  SYNC_ASSIGN(const auto rows, rows_of(op.from));
  pending_.move(op.side, op.from, op.path);
  for (const auto& row : rows) SYNC_TRY(move_row(row, op, result));
  return {};
}

Status Recorder::move_row(const BaseRow& row, const Operation& op, const OpResult& result) {
  const Side source = other(op.side);
  BaseRow moved = row;
  moved.path = replace_prefix(row.path, op.from, op.path);
  SYNC_TRY(drop(row));
  // Seen from the source side, "gone at the old path" is no difference any more; but what it does not have at the new
  // path either was deleted there since.
  if (const Entry* old_place = pending_.find(source, row.path); old_place != nullptr && !old_place->exists()) {
    pending_.erase(source, row.path);
    if (pending_.find(source, moved.path) == nullptr) pending_.set(source, moved.path, Entry{});
  }
  if (row.path == op.from && pending_.find(op.side, moved.path) == nullptr) {
    Entry now = held_entry(moved, op.side);
    now.stamp = result.target.stamp;
    pending_.set(op.side, moved.path, now);
  }
  SYNC_TRY(put(moved));
  // Nothing on either side: it may be the place between two renames, and the row is needed at the next one.
  if (!current(op.side, moved.path, &moved).exists() && !current(source, moved.path, &moved).exists()) return {};
  return settle(moved.path, &moved);
}

Status Recorder::moved(const Agreement& agreement) {
  SYNC_ASSIGN(const auto rows, rows_of(agreement.from));
  for (BaseRow row : rows) {
    const std::string old_path = row.path;
    SYNC_TRY(drop(row));
    row.path = replace_prefix(old_path, agreement.from, agreement.path);
    SYNC_ASSIGN(const auto there, base_.find(row.path));
    // A row that is there already was recorded from what stands there.
    if (!there) SYNC_TRY(put(row));
    for (const Side s : {Side::code, Side::deploy}) {
      const Entry* old_place = pending_.find(s, old_path);
      if (old_place != nullptr && !old_place->exists()) pending_.erase(s, old_path);
      // Both have left the old place: what a side doesn't have at the new one either was deleted there since.
      if (!there && pending_.find(s, row.path) == nullptr) pending_.set(s, row.path, Entry{});
    }
  }
  return {};
}

// Whether nothing stands there, or it became ignored and still does: only the first is remembered as gone.
Status Recorder::gone(const std::string& path) {
  SYNC_ASSIGN(const auto row, base_.find(path));
  const BaseRow* known = row ? &*row : nullptr;
  const bool empty = !current(Side::code, path, known).exists() && !current(Side::deploy, path, known).exists();
  if (row) SYNC_TRY(empty ? drop(*row) : base_.drop(path));
  pending_.erase(Side::code, path);
  pending_.erase(Side::deploy, path);
  return {};
}

Status Recorder::agreed(const Agreement& agreement) {
  switch (agreement.kind) {
    case AgreementKind::moved:
      return moved(agreement);
    case AgreementKind::anew:
      return forget(agreement.path);
    case AgreementKind::gone:
      return gone(agreement.path);
    case AgreementKind::same:
      break;
  }
  SYNC_ASSIGN(const auto old, base_.find(agreement.path));
  return settle(agreement.path, old ? &*old : nullptr);
}

Status Recorder::forget(const std::string& path) {
  SYNC_ASSIGN(const auto old, base_.find(path));
  if (!old) return {};
  for (const Side s : {Side::code, Side::deploy}) {
    const Entry now = current(s, path, &*old);
    if (now.exists()) {
      pending_.set(s, path, now);
    } else {
      pending_.erase(s, path);
    }
  }
  return drop(*old);
}

}  // namespace twsync
