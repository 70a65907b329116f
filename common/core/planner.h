#pragma once
// The planner: (base, pending of both sides, policy, now) -> plan. Pure; every decision is a numbered row in RULES.md.

#include <optional>
#include <string>
#include <vector>

#include "common/base/boxed.h"
#include "common/model/entry.h"
#include "common/model/plan.h"
#include "common/model/policy.h"

namespace twsync {

/// How one side's entry at a path differs from what the base says that side holds.
struct EntryDiff {
  bool kind = false;     ///< other kind (or appeared, or vanished)
  bool content = false;  ///< file bytes or symlink target differ for sure
  bool content_unknown =
      false;  ///< the stamp moved at equal size and the digest is not known: ask for it (see needs_digest)
  bool mode = false;
  bool owner = false;  ///< owner or group
  bool mtime = false;  ///< file and symlink only
  bool xattrs = false;
  bool stamp = false;  ///< only the fingerprint moved: the row must be refreshed, nothing else
  bool any() const { return kind || content || content_unknown || metadata(); }
  bool metadata() const { return mode || owner || mtime || xattrs; }
};

/// Compares `now` on `side` with the base row (nullptr = the base knows nothing there). A directory's mtime, size
/// and ctime are never a difference.
EntryDiff diff_entry(const BaseRow* base, Side side, const Entry& now, const Policy& policy);

/// True when a scan must read the content at `now`: a file where the base has a file of the same size, whose stamp
/// moved; but R62.
bool needs_digest(const BaseRow* base, Side side, const Entry& now, const Policy& policy);

/// R62: it is so large and so likely an edit that whoever sends it shall be the first who reads it.
bool is_read_by_sender(const BaseRow& base, Side side, const Entry& now, const Policy& policy);

/// What `side` holds according to the base when nothing is pending there: the agreed entry with that side's record.
Entry held_entry(const BaseRow& base, Side side);

/// All that is known about one path. An absent `code`/`deploy` = not pending there: that side holds what the base says.
struct PathState {
  std::string path;
  Boxed<BaseRow> base;
  Boxed<Entry> code;
  Boxed<Entry> deploy;
  Boxed<BaseRow> dropped;  ///< without `base`: the row that was dropped there lately; matters only in doubt

  const Boxed<Entry>& side(Side s) const { return s == Side::code ? code : deploy; }
};

/// Paths whose digest a decision needs but that no scan has read yet, per side.
struct DigestNeeds {
  std::vector<std::string> code;
  std::vector<std::string> deploy;
  bool empty() const { return code.empty() && deploy.empty(); }
};

/// What must be read before make_plan() can decide: both sides changed to files of equal size with unknown digests; a
/// file of the recorded size whose stamp moved, unless R62 leaves it to the sender;
/// a rename candidate (a new file whose inode and size equal those of a vanished base row) on one side; a file that may
/// be displaced and whose times cannot tell whether it is still the one that was scanned.
/// `paths` is ordered by compare_paths. Asking again after the digests were filled in returns nothing new.
DigestNeeds digest_needs(const std::vector<PathState>& paths, const Policy& policy);

/// Contract with whoever records: when a rename succeeded, rows and pending entries at and below `from` move to `path`
/// (operations of the same plan below it are written in the new coordinates). In an operation's `expected` a stamp of
/// zero, or a ctime of zero in it, means "not known, made or moved by an earlier operation of this plan: don't
/// compare".
///
/// Decides. `paths` holds every path that is pending on a side, ordered by compare_paths, and for a vanished
/// directory every base row below it (the scan yields those as vanished anyway).
/// Deterministic; mirror-symmetric under swapped sides for a symmetric policy. Digests asked for by digest_needs() are
/// known or (unreadable) unknown: an unknown digest counts as different from everything.
Plan make_plan(const std::vector<PathState>& paths, const Policy& policy);

/// Drops what a direction forbids: operations on the side that must not change, whatever depends on them, and
/// conflicts whose decision would only show there. Returns how many operations were left pending.
size_t filter_direction(Plan& plan, Direction direction);
/// The side that must not change. REQUIRES: one direction, not both.
inline Side untouched_side(Direction direction) {
  return direction == Direction::to_deploy ? Side::code : Side::deploy;
}

/// An operation that has just succeeded at the path: what it wanted to leave on `side`; for make_directory with
/// kMadeDirectoryMode in its mode, since its own comes later in the plan.
struct AppliedEntry {
  Side side = Side::code;
  const Entry& desired;
};

/// The new base row from what both sides hold now (either may be "nothing"): each field becomes the value that both
/// hold, if equal, else stays as in `old` (DESIGN.md section 5). nullopt = no row (both hold nothing, or nothing is
/// agreed yet). A side's record follows what it holds as far as that is agreed; a value that differs stays a difference
/// from the record, so that the change behind it is still found by the next scan. The exception is `stuck` metadata:
/// `applied` names the operation that was carried out, and a value that the side could not keep (it differs from
/// `applied->desired`) is recorded as it is, so that it does not come back as an edit. Pass nullptr without an
/// operation.
std::optional<BaseRow> merge_base(const BaseRow* old, std::string_view path, const Entry& code, const Entry& deploy,
                                  const Policy& policy, const AppliedEntry* applied = nullptr);

}  // namespace twsync
