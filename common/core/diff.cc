// How one side differs from the base: the only judge of who changed (I3).

#include "common/core/planner.h"

namespace twsync {

namespace {

bool content_is_known(const Entry& now, const Entry& agreed) {
  return now.digest.known() && now.digest.algorithm == agreed.digest.algorithm;
}

void diff_content(EntryDiff& diff, const BaseRow& base, const SideRecord& record, const Entry& now) {
  if (now.is_symlink()) {
    diff.content = now.target != base.agreed.target;
  } else if (now.is_file()) {
    if (now.size != base.agreed.size) {
      diff.content = true;
    } else if (content_is_known(now, base.agreed)) {
      diff.content = now.digest != base.agreed.digest;
    } else {
      diff.content_unknown = now.stamp != record.stamp;
    }
  }
}

void diff_metadata(EntryDiff& diff, const SideRecord& record, const Entry& now, const Policy& policy) {
  if (!now.is_symlink()) diff.mode = now.mode != record.mode;
  if (!now.is_directory()) diff.mtime = now.mtime_ns != record.stamp.mtime_ns;
  if (policy.preserve_owner) diff.owner = now.owner != record.owner || now.group != record.group;
  if (policy.preserve_xattrs) diff.xattrs = now.xattrs != record.xattrs;
}

}  // namespace

EntryDiff diff_entry(const BaseRow* base, Side side, const Entry& now, const Policy& policy) {
  EntryDiff diff;
  const Kind before = base != nullptr ? base->agreed.kind : Kind::none;
  if (before != now.kind) {
    diff.kind = true;
    return diff;
  }
  if (base == nullptr || now.kind == Kind::other) return diff;
  const SideRecord& record = base->side(side);
  diff.stamp = now.is_directory() ? now.stamp.inode != record.stamp.inode : now.stamp != record.stamp;
  diff_content(diff, *base, record, now);
  diff_metadata(diff, record, now, policy);
  return diff;
}

bool is_read_by_sender(const BaseRow& base, Side side, const Entry& now, const Policy& policy) {
  const SideRecord& record = base.side(side);
  return now.size >= policy.sender_reads_from && now.mtime_ns != record.stamp.mtime_ns && now.links < 2 &&
         record.links < 2 && !policy.doubt(side).active;
}

bool needs_digest(const BaseRow* base, Side side, const Entry& now, const Policy& policy) {
  if (base == nullptr || !now.is_file() || !base->agreed.is_file() || now.digest.known()) return false;
  if (now.size != base->agreed.size || now.stamp == base->side(side).stamp) return false;
  return !is_read_by_sender(*base, side, now, policy);
}

Entry held_entry(const BaseRow& base, Side side) {
  Entry held = base.agreed;
  const SideRecord& record = base.side(side);
  held.stamp = record.stamp;
  held.mode = record.mode;
  held.links = record.links;
  held.owner = record.owner;
  held.group = record.group;
  held.xattrs = record.xattrs;
  if (held.is_file() || held.is_symlink()) held.mtime_ns = record.stamp.mtime_ns;
  return held;
}

}  // namespace twsync
