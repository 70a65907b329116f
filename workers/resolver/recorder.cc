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

Status Recorder::put(BaseRow& row) {
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
  auto row = merge_base(old, path, current(Side::code, path, old), current(Side::deploy, path, old), policy_, applied);
  if (row) {
    SYNC_TRY(put(*row));
  } else if (old != nullptr) {
    SYNC_TRY(drop(*old));
  }
  keep_if_pending(Side::code, path, row ? &*row : nullptr);
  keep_if_pending(Side::deploy, path, row ? &*row : nullptr);
  return {};
}

Result<std::optional<BaseRow>> Recorder::row_before(const Operation& op) {
  const bool makes = op.kind == OpKind::put_file || op.kind == OpKind::put_symlink || op.kind == OpKind::make_directory;
  if (news_ && makes && op.desired.links < 2) return std::optional<BaseRow>{};
  return base_.find(op.path);
}

Status Recorder::achieved(const Operation& op, const OpResult& result) {
  if (op.kind == OpKind::rename) return achieved_rename(op, result);
  if (op.kind == OpKind::link) return achieved_link(op, result);
  SYNC_ASSIGN(const auto old, row_before(op));
  return settle_applied(op, result, old ? &*old : nullptr);
}

// Most of what a first sync does, so without a look into `pending` for what is known here.
Status Recorder::settle_applied(const Operation& op, const OpResult& result, const BaseRow* old) {
  Entry desired = op.desired;
  if (op.kind == OpKind::make_directory) desired.mode |= kMadeDirectoryMode;
  const AppliedEntry applied{op.side, desired};
  const bool source_read = op.kind == OpKind::put_file && result.source.is_file();
  const Side source_side = other(op.side);
  const Entry held = source_read ? Entry{} : current(source_side, op.path, old);
  const Entry& source = source_read ? result.source : held;
  const bool to_code = op.side == Side::code;
  auto row =
      merge_base(old, op.path, to_code ? result.target : source, to_code ? source : result.target, policy_, &applied);
  Status written;
  if (row) {
    written = put(*row);
  } else if (old != nullptr) {
    written = drop(*old);
  }
  const BaseRow* now = row ? &*row : nullptr;
  const auto keep_if_differing = [&](Side side, const Entry& entry) {
    if (!written.ok() || diff_entry(now, side, entry, policy_).any()) {
      pending_.set(side, op.path, entry);
    } else {
      pending_.erase(side, op.path);
    }
  };
  keep_if_differing(op.side, result.target);
  if (source_read) {
    keep_if_differing(source_side, source);
  } else if (written.ok()) {
    keep_if_pending(source_side, op.path, now);
  }
  return written;
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

Status Recorder::achieved_link(const Operation& op, const OpResult& result) {
  pending_.set(op.side, op.path, result.target);
  SYNC_TRY(take_source_of_link(op, result));
  SYNC_ASSIGN(const auto old, base_.find(op.path));
  const AppliedEntry applied{op.side, op.desired};
  SYNC_TRY(settle(op.path, old ? &*old : nullptr, &applied));
  SYNC_ASSIGN(auto row, base_.find(op.path));
  if (row && row->side(op.side).apart != result.apart) {
    row->side(op.side).apart = result.apart;
    SYNC_TRY(base_.put(*row));
  }
  const bool stood_there = op.desired.stamp.inode != 0;
  if (stood_there && !result.apart) {
    new_links_.insert_or_assign({op.side, result.target.stamp.inode}, NewLink{op.from, result.target});
  }
  return {};
}

/// Nobody read the source by this name: it is what its first name is, if it still is the same inode.
Status Recorder::take_source_of_link(const Operation& op, const OpResult& result) {
  const Side source = other(op.side);
  SYNC_ASSIGN(const auto row, base_.find(op.path));
  Entry there = current(source, op.path, row ? &*row : nullptr);
  if (!there.is_file()) return {};
  if (result.source.is_file()) {
    if (there.stamp.inode == result.source.stamp.inode) pending_.set(source, op.path, result.source);
    return {};
  }
  if (there.digest.known()) return {};
  SYNC_ASSIGN(const auto first_row, base_.find(op.from));
  const Entry first = current(source, op.from, first_row ? &*first_row : nullptr);
  if (!first.digest.known() || first.stamp != there.stamp) return {};
  there.digest = first.digest;
  pending_.set(source, op.path, there);
  return {};
}

Status Recorder::settle_names() {
  const auto new_links = std::exchange(new_links_, {});
  for (const auto& [file, link] : new_links) {
    const auto& [side, inode] = file;
    if (link.now.links <= 2) {
      SYNC_TRY(refresh_name(side, link.from, link.now));
      continue;
    }
    SYNC_ASSIGN(const auto names, base_.paths_of_inode(side, inode));
    for (const std::string& name : names) SYNC_TRY(refresh_name(side, name, link.now));
  }
  return {};
}

/// The applier saw the file as it was expected, and then linked it: only its ctime and count moved. A row of another
/// content stays as it is: by that name the file was edited, and the plan may have given the inode the old mtime.
Status Recorder::refresh_name(Side side, const std::string& path, const Entry& now) {
  const auto same = [&now](const Stamp& s) {
    return s.inode == now.stamp.inode && s.size == now.stamp.size && s.mtime_ns == now.stamp.mtime_ns;
  };
  SYNC_ASSIGN(auto row, base_.find(path));
  const bool edited = row && row->agreed.digest != now.digest;
  if (row && row->agreed.is_file() && !edited && same(row->side(side).stamp)) {
    row->side(side).stamp = now.stamp;
    row->side(side).links = now.links;
    SYNC_TRY(base_.put(*row));
  }
  if (const Entry* pending = pending_.find(side, path); pending != nullptr && pending->is_file()) {
    Entry entry = *pending;
    if (!same(entry.stamp) || (entry.digest.known() && entry.digest != now.digest)) return {};
    entry.stamp = now.stamp;
    entry.links = now.links;
    pending_.set(side, path, std::move(entry));
    keep_if_pending(side, path, row ? &*row : nullptr);
  }
  return {};
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
    // As it stands there, never with the digest of before: without one somebody may have written to it just then.
    pending_.set(op.side, moved.path, result.target);
  }
  // Nothing on either side: it may be the place between two renames, and the row is needed at the next one.
  if (!current(op.side, moved.path, &moved).exists() && !current(source, moved.path, &moved).exists())
    return put(moved);
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
