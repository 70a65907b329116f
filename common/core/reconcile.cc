#include "common/core/reconcile.h"

#include <string_view>

#include "common/base/rel_path.h"
#include "common/core/choose.h"
#include "common/core/relations.h"
#include "common/core/survivors.h"
#include "common/core/units.h"

namespace twsync {

namespace {

bool same_content(const Entry& a, const Entry& b) {
  if (a.kind != b.kind) return false;
  if (a.is_directory()) return true;
  if (a.is_symlink()) return a.target == b.target;
  return a.size == b.size && a.digest.known() && a.digest == b.digest;
}

/// What was decided for everything below a path together with it.
struct Subtree {
  std::string_view path;
  bool held = false;  ///< nothing below is touched; else `winner`'s version of it all stands
  Side winner = Side::code;
};

class Reconciler {
 public:
  Reconciler(const WorkTable& table, const Policy& policy)
      : rows_(table.rows), policy_(policy), relations_(relate(table, policy)), decisions_(rows_.size()) {}

  Reconciled run() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (subtree_.path.empty() || !is_below(rows_[i].path, subtree_.path)) subtree_ = {};
      decisions_[i] = subtree_.path.empty() ? decide(i) : decide_below(i);
    }
    Reconciled all;
    all.decisions = std::move(decisions_);
    make_units_whole(rows_, relations_, policy_, all);
    keep_survivors(rows_, relations_, all.decisions);
    return all;
  }

 private:
  Decision decide(size_t i);
  Decision decide_below(size_t i);
  Decision decide_unsupported(size_t i, Side side);
  Decision carry(size_t i, Side from);
  Decision replace_directory(size_t i, Side from);
  Decision edit_against_deletion(size_t i, Side editor);
  Decision contest(size_t i);
  Decision repair(size_t i, Side damaged);
  Decision contest_of_damages(size_t i);
  Decision parked(size_t i, const char* rule);
  void bind(size_t i, bool held, Side winner) { subtree_ = {rows_[i].path, held, winner}; }

  const std::vector<Row>& rows_;
  const Policy& policy_;
  Relations relations_;
  std::vector<Decision> decisions_;
  Subtree subtree_;
};

Decision taken(Side winner, LoserCause cause = LoserCause::ordinary, const char* rule = nullptr) {
  Decision d;
  d.outcome = Outcome::take;
  d.winner = winner;
  d.cause = cause;
  d.rule = rule;
  return d;
}

Decision plain(Outcome outcome) {
  Decision d;
  d.outcome = outcome;
  return d;
}

bool content_changed(const EntryDiff& diff) {
  return diff.kind || diff.content || diff.content_unknown;
}

Decision Reconciler::decide(size_t i) {
  const Row& row = rows_[i];
  for (const Side s : {Side::code, Side::deploy}) {
    if (kind_of(row, s) == Kind::other) return decide_unsupported(i, s);  // R03
  }
  if (holds_nothing(row, Side::code) && holds_nothing(row, Side::deploy)) return plain(Outcome::gone);  // R12
  const bool code = content_changed(diff_of(row, Side::code, policy_));
  const bool deploy = content_changed(diff_of(row, Side::deploy, policy_));
  if (!code && !deploy) return plain(Outcome::same);  // R10
  Entry a;
  Entry b;
  const bool both_changed = code && deploy;
  if (both_changed && same_content(current(row, Side::code, a), current(row, Side::deploy, b))) {
    return plain(Outcome::same);  // R11
  }
  if (is_suspect(row, Side::code) && is_suspect(row, Side::deploy)) return contest_of_damages(i);
  for (const Side s : {Side::code, Side::deploy}) {
    if (is_suspect(row, s)) return repair(i, s);
  }
  if (!both_changed) return carry(i, code ? Side::code : Side::deploy);
  if (holds_nothing(row, Side::code)) return edit_against_deletion(i, Side::deploy);
  if (holds_nothing(row, Side::deploy)) return edit_against_deletion(i, Side::code);
  return contest(i);
}

Decision Reconciler::decide_unsupported(size_t i, Side side) {
  bind(i, true, side);
  Decision d = plain(Outcome::held);
  d.unsupported = rows_[i].base != nullptr;
  d.unsupported_side = side;
  return d;
}

/// R13-R16: only `from` changed what stands there.
Decision Reconciler::carry(size_t i, Side from) {
  const Kind now = kind_of(rows_[i], from);
  const bool replaces_directory = kind_of(rows_[i], other(from)) == Kind::directory && now != Kind::none;
  return replaces_directory ? replace_directory(i, from) : taken(from);
}

/// R17, R27: a directory became a file or symlink on `from`; the other side still has the directory.
Decision Reconciler::replace_directory(size_t i, Side from) {
  const Side holder = other(from);
  if (relations_.below[i].unsupported[index(holder)]) {
    Decision d = decide_unsupported(i, holder);
    d.unsupported = true;
    return d;
  }
  if (relations_.below[i].changed[index(holder)]) return contest(i);
  bind(i, false, from);
  return taken(from);
}

/// R21, R22
Decision Reconciler::edit_against_deletion(size_t i, Side editor) {
  const auto winner = side_by_policy(rows_[i].path, editor, policy_);
  if (!winner) return parked(i, "R23");
  if (*winner == editor) return taken(editor, LoserCause::ordinary, "R21");
  return taken(*winner, LoserCause::edit_deleted, "R22");
}

/// R20, R26, R27: two different things.
Decision Reconciler::contest(size_t i) {
  const Row& row = rows_[i];
  Entry a;
  Entry b;
  const Entry& code = current(row, Side::code, a);
  const Entry& deploy = current(row, Side::deploy, b);
  const auto winner = conflict_winner(row.path, code, deploy, policy_);
  if (!winner) return parked(i, "R23");
  const bool directory = code.is_directory() || deploy.is_directory();
  if (directory && relations_.below[i].unsupported[index(other(*winner))]) {
    Decision d = decide_unsupported(i, other(*winner));
    d.unsupported = true;
    return d;
  }
  if (directory) bind(i, false, *winner);
  Decision d = taken(*winner, LoserCause::conflict, directory ? "R27" : code.kind != deploy.kind ? "R26" : "R20");
  d.contested = code.kind == deploy.kind;
  return d;
}

/// R109: the other side's version stands, whatever it is. Sound new things below a directory that is damage make it a
/// conflict like any other.
Decision Reconciler::repair(size_t i, Side damaged) {
  Decision d = carry(i, other(damaged));
  if (d.outcome != Outcome::take || d.winner == damaged || d.rule != nullptr) return d;
  d.cause = LoserCause::suspect;
  const Kind kind = kind_of(rows_[i], damaged);
  if (kind == Kind::file || kind == Kind::symlink) d.rule = "R109";
  return d;
}

/// How much of a version there is to save.
int substance(const Entry& e) {
  if (!e.exists()) return 0;
  return e.is_file() && e.size == 0 ? 1 : 2;
}

/// R110: neither side has what was agreed on. What holds something stands; of two that do the policy decides.
Decision Reconciler::contest_of_damages(size_t i) {
  Entry a;
  Entry b;
  const int code = substance(current(rows_[i], Side::code, a));
  const int deploy = substance(current(rows_[i], Side::deploy, b));
  if (code != deploy) return taken(code > deploy ? Side::code : Side::deploy, LoserCause::suspect, "R110");
  Decision d = contest(i);
  if (d.outcome != Outcome::take) return d;
  d.cause = LoserCause::suspect;
  d.rule = "R110";
  return d;
}

Decision Reconciler::parked(size_t i, const char* rule) {
  Decision d = plain(Outcome::held);
  d.rule = rule;
  d.parked = true;
  const bool directory =
      kind_of(rows_[i], Side::code) == Kind::directory || kind_of(rows_[i], Side::deploy) == Kind::directory;
  if (directory) bind(i, true, Side::code);
  return d;
}

/// R28: the version of a directory that won or lost its place goes as a whole.
Decision Reconciler::decide_below(size_t i) {
  if (subtree_.held) return plain(Outcome::held);
  const Side winner = subtree_.winner;
  const bool there = !holds_nothing(rows_[i], winner);
  const bool here = !holds_nothing(rows_[i], other(winner));
  if (!there && !here) return plain(Outcome::gone);
  Decision d = taken(winner);
  d.early = !there;
  d.anew = there && !here && rows_[i].base != nullptr;
  if (here && has_own_content(rows_[i], other(winner), policy_)) d.cause = LoserCause::conflict;
  if (here && is_suspect(rows_[i], other(winner))) d.cause = LoserCause::suspect;
  return d;
}

}  // namespace

Reconciled reconcile(const WorkTable& table, const Policy& policy) {
  return Reconciler(table, policy).run();
}

}  // namespace twsync
