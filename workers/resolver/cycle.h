#pragma once
// One cycle of one pair: scopes -> scans -> pending -> plan -> batches -> results -> base.

#include <set>
#include <string>
#include <vector>

#include "common/core/coalesce.h"
#include "common/wire/messages.h"
#include "workers/resolver/first_contact.h"
#include "workers/resolver/pair_work.h"
#include "workers/resolver/plan_run.h"
#include "workers/resolver/recovery.h"

namespace twsync {

/// What this cycle was asked to do.
struct CycleOrder {
  HintSet hints;            ///< where to look; ignored when `full`
  bool flushed = false;     ///< the hints cover every change: the summary speaks for both trees
  bool full = false;        ///< scan both sides whole
  std::vector<Scope> only;  ///< plan nothing outside these; empty = everything pending
  bool found = false;       ///< what is to be done in `only` is pending already: no scan
  Direction direction = Direction::both;
  bool dry_run = false;
  bool list_operations = false;
  bool only_news = false;  ///< nobody asked: what was told before and is as it was is not told again
  std::optional<ConflictPolicy> policy;
  std::string decided;  ///< path of a conflict that `policy` is to end: it holds there and below, nowhere else
  std::vector<std::string> exclude;
  std::vector<ApprovedDeletion> approved_code, approved_deploy;  ///< by a person
  /// Live: before deletions are planned, waits for whatever was queued meanwhile (the other half of a move) and gets it
  /// from here. Empty = not live.
  std::function<std::vector<Hint>()> more_hints;
};

/// Result: the summary, and in `again` the paths that must be looked at once more (stale beyond this cycle's patience).
struct CycleResult {
  Summary summary;
  std::vector<Hint> again;
};

/// cycle_look.cc: where to look and what the scans say; cycle_plan.cc: the plan; cycle_outcome.cc: what came of it.
/// REQUIRES: work.opened (a dry run: both sides connected). Emits events. An Error in summary.error says why it ended
/// early; what was achieved until then is recorded.
class Cycle {
 public:
  Cycle(PairWork& work, const CycleServices& services, const CycleOrder& order);
  CycleResult run();

 private:
  Status gather();
  Status gather_only();
  bool rules_pending() const;
  bool look_by_new_rules();
  Status scan(const HintSet& where);
  Status scan_scopes(const std::vector<Scope>& code, const std::vector<Scope>& deploy);
  void take_chunk(ScanChunk&& chunk);
  void take_scan(const ScanDone& done);
  void take_special(Side side, const std::vector<Scope>& scopes, const SideScan& scan);
  void note_unreadable(Side side, const std::vector<Scope>& scopes, const SideScan& scan);
  void tell_special(Side side, const std::string& path, bool aloud = true);
  void tell_skipped(const std::string& path, std::string text, bool aloud = true);  // counted in any case
  Status widen(Side side, const HintSet& hints, HintSet& out);
  Status follow_ups(Side side, const std::vector<Scope>& scopes, HintSet& out);
  Status follow_links(Side side, const HintSet& looked, HintSet& out);
  Result<std::vector<PathState>> states(const FirstContact* piece);
  Result<std::vector<PathState>> states_with_digests(const FirstContact* piece);
  Result<Plan> decide(const FirstContact* piece);
  Result<Plan> make(const FirstContact* piece = nullptr);
  void leave_kept(Plan& plan);
  Status guard(Plan& plan);
  Status wait_for_moves(Plan& plan);
  /// What a pass has to tell and record at its end, of one plan or of all pieces of a first contact.
  struct PassNotes {
    std::vector<ConflictRecord> conflicts;
    Plan parked;        ///< its parked items alone
    bool whole = true;  ///< everything was planned: what is not named is settled
    PlanOutcome outcome;
  };
  Status pass(bool& more);
  Status pass_in_pieces(FirstContact& contact, PassNotes& notes);
  Status hand_out_pieces(FirstContact& contact, PlanRun& run, Plan& told);
  Status carry_out(const Plan& plan, PassNotes& notes);
  Status take_outcome(const Plan& plan, PlanOutcome&& outcome, PassNotes& notes);
  PlanRun new_run();
  Status note_outcome(const PassNotes& notes);
  bool is_elsewhere(Side side, const std::string& path) const;  // this cycle plans nothing there
  bool is_settled(const std::string& path) const;
  void tell(const ConflictRecord& conflict);
  void tell(const ParkedRecord& item);
  void count(const PlanOutcome& outcome, const std::vector<ConflictRecord>& conflicts,
             const std::vector<ParkedRecord>& parked);
  Status record(const std::vector<ConflictRecord>& conflicts, const std::vector<ParkedRecord>& parked, bool whole,
                int64_t now);
  Status flush_what_failed(const Plan& plan);
  Status agree(const Plan& plan);
  void announce(const Plan& plan);
  void tell_left_over();
  void finish(Status status);
  Status close();
  bool in_doubt() const { return policy_.code_doubt.active || policy_.deploy_doubt.active; }
  void emit_progress(const char* stage);

  PairWork& work_;
  const CycleServices& services_;
  const CycleOrder& order_;
  Policy policy_;
  Summary summary_;
  const int64_t started_ns_;
  int64_t scanned_ns_[2] = {0, 0};
  std::vector<Scope> only_;         // what is planned; empty = everything pending
  std::vector<std::string> woken_;  // tasks
  std::vector<std::string> ignored_rows_;
  HintSet again_;
  std::set<std::string> told_;       // skipped items, each once
  std::set<std::string> mounts_[2];  // by side
  uint64_t left_over_ = 0;           // beyond this cycle's patience
  uint64_t unreadable_ = 0;          // not looked at, so not in sync either (I13)
  bool unknown_ = false;             // some of it for a reason that may pass
  bool recorded_ = false;
};

}  // namespace twsync
