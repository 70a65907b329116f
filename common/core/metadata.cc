#include "common/core/metadata.h"

#include "common/core/choose.h"

namespace twsync {

namespace {

enum class From : uint8_t { agreed, code, deploy };

From from_side(Side side) {
  return side == Side::code ? From::code : From::deploy;
}

struct Field {
  bool changed[2];
  bool equal;
  Side prefer;
};

/// R50 unchanged, R51 one side's change, R52 both the same, R53 both differently.
From pick(const Field& f) {
  if (!f.changed[0] && !f.changed[1]) return From::agreed;
  if (f.changed[0] != f.changed[1]) return f.changed[0] ? From::code : From::deploy;
  return f.equal ? From::code : from_side(f.prefer);
}

void copy_mode(Entry& to, const Entry& from) {
  to.mode = from.mode;
}
void copy_mtime(Entry& to, const Entry& from) {
  to.mtime_ns = from.mtime_ns;
}
void copy_xattrs(Entry& to, const Entry& from) {
  to.xattrs = from.xattrs;
}
void copy_owner(Entry& to, const Entry& from) {
  to.owner = from.owner;
  to.group = from.group;
  to.uid = from.uid;
  to.gid = from.gid;
}

bool same_mode(const Entry& a, const Entry& b) {
  return a.mode == b.mode;
}
bool same_mtime(const Entry& a, const Entry& b) {
  return a.mtime_ns == b.mtime_ns;
}
bool same_xattrs(const Entry& a, const Entry& b) {
  return a.xattrs == b.xattrs;
}
bool same_owner(const Entry& a, const Entry& b) {
  return a.owner == b.owner && a.group == b.group;
}

class Merger {
 public:
  Merger(const MergeInput& in, const Policy& policy) : in_(in), policy_(policy) {
    for (const Side s : {Side::code, Side::deploy}) {
      diff_[index(s)] = diff_of(in.row, s, policy);
      out_.desired[index(s)] = at(s);
    }
    const bool doubtful[2] = {is_doubtful(Side::code), is_doubtful(Side::deploy)};
    if (doubtful[0] != doubtful[1]) disregard(doubtful[0] ? Side::code : Side::deploy);
    out_.merged = at(in.content.value_or(Side::code));
  }

  MergedMetadata run() {
    const Kind kind = out_.merged.kind;
    const Side side = preferred_side(policy_.conflicts_at(in_.row.path));
    if (kind != Kind::symlink) field(&EntryDiff::mode, same_mode, copy_mode, side);
    if (kind != Kind::directory)
      field(&EntryDiff::mtime, same_mtime, copy_mtime, in_.content.value_or(latest()));  // R56
    if (policy_.preserve_owner) field(&EntryDiff::owner, same_owner, copy_owner, side);
    if (policy_.preserve_xattrs) field(&EntryDiff::xattrs, same_xattrs, copy_xattrs, side);
    return std::move(out_);
  }

 private:
  const Entry& at(Side s) const { return s == Side::code ? in_.code : in_.deploy; }
  bool is_doubtful(Side s) const { return in_.row.view[index(s)].suspicion != Suspicion::none; }

  /// R108: where `damaged` differs from what it held, it is as if the other side had made the change.
  void disregard(Side damaged) {
    EntryDiff& wrong = diff_[index(damaged)];
    EntryDiff& right = diff_[index(other(damaged))];
    for (bool EntryDiff::*flag : {&EntryDiff::mode, &EntryDiff::owner, &EntryDiff::mtime, &EntryDiff::xattrs}) {
      right.*flag = right.*flag || wrong.*flag;
      wrong.*flag = false;
    }
  }

  Side latest() const { return metadata_winner(in_.row.path, in_.code, in_.deploy, policy_); }

  /// No base to merge with: first contact, or a kind that the base doesn't know there.
  bool without_base() const { return in_.row.base == nullptr || in_.row.base->agreed.kind != out_.merged.kind; }

  /// R57: a directory is made with u+rwx, whatever its mode will be; a crash before that was set leaves it so.
  bool unfinished(Side s) const {
    return at(s).is_directory() && at(s).mode == (at(other(s)).mode | kMadeDirectoryMode) &&
           at(s).mode != at(other(s)).mode;
  }

  Side first_contact_winner(bool EntryDiff::*flag) const {
    if (in_.content) return *in_.content;
    for (const Side s : {Side::code, Side::deploy}) {
      if (flag == &EntryDiff::mode && unfinished(s)) return other(s);
    }
    return latest();
  }

  From source(bool EntryDiff::*flag, bool equal, Side prefer) const {
    if (in_.code.kind != in_.deploy.kind) return from_side(in_.content.value_or(Side::code));
    if (without_base()) {  // R54
      return equal ? From::code : from_side(first_contact_winner(flag));
    }
    if (flag == &EntryDiff::mtime && in_.contested && in_.content) return from_side(*in_.content);  // R56
    return pick({{diff_[0].*flag, diff_[1].*flag}, equal, prefer});
  }

  void field(bool EntryDiff::*flag, bool (*same)(const Entry&, const Entry&), void (*copy)(Entry&, const Entry&),
             Side prefer) {
    const From from = source(flag, same(in_.code, in_.deploy), prefer);
    if (from == From::agreed) {
      copy(out_.merged, in_.row.base->agreed);
      return;
    }
    const Side winner = from == From::code ? Side::code : Side::deploy;
    copy(out_.merged, at(winner));
    const size_t loser = index(other(winner));
    if (at(Side::code).kind != at(Side::deploy).kind || same(at(winner), at(other(winner)))) return;
    copy(out_.desired[loser], at(winner));
    out_.change[loser] = true;
    if (out_.merged.is_directory()) out_.desired[loser].mtime_ns = at(winner).mtime_ns;  // R55: carried, never compared
  }

  const MergeInput& in_;
  const Policy& policy_;
  EntryDiff diff_[2];
  MergedMetadata out_;
};

}  // namespace

bool same_metadata(const Entry& a, const Entry& b, const Policy& policy) {
  return same_mode(a, b) && same_mtime(a, b) && (!policy.preserve_owner || same_owner(a, b)) &&
         (!policy.preserve_xattrs || same_xattrs(a, b));
}

void copy_metadata(Entry& to, const Entry& from, const Policy& policy) {
  copy_mode(to, from);
  copy_mtime(to, from);
  if (policy.preserve_owner) copy_owner(to, from);
  if (policy.preserve_xattrs) copy_xattrs(to, from);
}

MergedMetadata merge_metadata(const MergeInput& input, const Policy& policy) {
  return Merger(input, policy).run();
}

}  // namespace twsync
