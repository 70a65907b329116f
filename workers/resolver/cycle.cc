#include "workers/resolver/cycle.h"

#include <malloc.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/core/store_limit.h"
#include "workers/resolver/link_names.h"
#include "workers/resolver/parked_items.h"
#include "workers/resolver/store_care.h"
#include "workers/resolver/unkept.h"

namespace twsync {

namespace {

constexpr int kPasses = 4;  // plan again this often for what turned out stale; the rest is hinted
constexpr int kDigestRounds = 3;
constexpr const char* kScanner = "scanner";
constexpr const char* kIgnoreFile = ".twsyncignore";
constexpr size_t kTrimFrom = 10'000;  // operations

bool is_removal(const Operation& op) {
  return op.kind == OpKind::remove || op.kind == OpKind::remove_directory;
}

bool is_whole(const std::vector<Scope>& scopes) {
  return std::any_of(scopes.begin(), scopes.end(), [](const Scope& s) { return s.recursive && s.path.empty(); });
}

bool has_removals(const Plan& plan) {
  return std::any_of(plan.operations.begin(), plan.operations.end(), is_removal);
}

}  // namespace

Cycle::Cycle(PairWork& work, const CycleServices& services, const CycleOrder& order)
    : work_(work), services_(services), order_(order), started_ns_(services.clock.steady_ns()) {
  policy_.conflicts = order.policy.value_or(work.config.policy);
  policy_.preserve_owner = work.preserve_owner();
  policy_.preserve_xattrs = work.config.preserve_xattrs;
  policy_.preserve_hardlinks = work.config.preserve_hardlinks;
  policy_.skew_ns = work.sides.skew_ns;
  policy_.code_doubt = work.doubt[0];
  policy_.deploy_doubt = work.doubt[1];
}

CycleResult Cycle::run() {
  ++work_.cycle;
  Status status = gather();
  for (int n = 0; n < kPasses && status.ok(); ++n) {
    bool more = false;
    const bool rules_differed = rules_pending();
    status = pass(more);
    if (status.ok() && rules_differed && !rules_pending()) more = look_by_new_rules();
    if (!more || !status.ok()) break;
    HintSet stale;
    std::swap(stale, again_);
    if (n + 1 == kPasses) {
      again_ = std::move(stale);
      break;
    }
    status = scan(stale);
  }
  finish(status);
  CycleResult result;
  result.summary = summary_;
  for (const Side side : {Side::code, Side::deploy}) {
    for (auto& scope : again_.scopes(side)) {
      Hint hint;
      hint.pair = work_.config.name;
      hint.side = side;
      hint.path = scope.path;
      hint.recursive = scope.recursive;
      result.again.push_back(std::move(hint));
    }
  }
  return result;
}

/// Some rule of one side may end to hold. A first ignore file, of one side alone, holds on both from the first scan on.
bool Cycle::rules_pending() const {
  const Entry* code = work_.pending.find(Side::code, kIgnoreFile);
  const Entry* deploy = work_.pending.find(Side::deploy, kIgnoreFile);
  if (code != nullptr && deploy != nullptr) return true;
  const auto row = work_.base->find(kIgnoreFile);
  return row && *row && (code != nullptr || deploy != nullptr);
}

/// What the rules of before hid has never been looked at.
bool Cycle::look_by_new_rules() {
  unreadable_ = 0;  // the scan of everything that follows counts it again
  for (const Side side : {Side::code, Side::deploy}) again_.add(side, "", true);
  return true;
}

Status Cycle::gather() {
  if (order_.found) {
    only_ = order_.only;
    return {};
  }
  emit_progress("scanning");
  if (!order_.only.empty()) return gather_only();
  if (!order_.full && work_.pending_known) {
    SYNC_TRY(scan(order_.hints));
    if (!order_.flushed) return {};
    for (const Side side : {Side::code, Side::deploy}) {
      for (const auto& path : work_.special[static_cast<size_t>(side)]) tell_special(side, path);
    }
    return {};
  }
  const std::vector<Scope> whole{{"", true}};
  work_.hints_complete = true;
  SYNC_TRY(scan_scopes(whole, whole));
  work_.pending_known = true;
  return {};
}

Status Cycle::gather_only() {
  HintSet asked = order_.hints;
  HintSet wide;
  for (const auto& scope : order_.only) {
    for (const Side side : {Side::code, Side::deploy}) asked.add(side, scope.path, scope.recursive);
  }
  SYNC_TRY(widen(Side::code, asked, wide));
  SYNC_TRY(widen(Side::deploy, asked, wide));
  only_ = wide.scopes(Side::code);
  const auto deploy = wide.scopes(Side::deploy);
  only_.insert(only_.end(), deploy.begin(), deploy.end());
  return scan(asked);
}

Status Cycle::widen(Side side, const HintSet& hints, HintSet& out) {
  for (auto& scope : hints.scopes(side)) {
    // A path below a directory that the base doesn't know is looked at from that directory on.
    std::string from = scope.path;
    bool recursive = scope.recursive;
    for (std::string_view up = from; !up.empty();) {
      up = parent_path(up);
      if (up.empty()) break;
      SYNC_ASSIGN(const auto row, work_.base->find(up));
      if (row && row->agreed.is_directory()) break;
      from = up;
      recursive = true;
    }
    out.add(side, from, recursive);
  }
  return {};
}

Status Cycle::follow_ups(Side side, const std::vector<Scope>& scopes, HintSet& out) {
  for (const auto& scope : scopes) {
    if (scope.recursive) continue;
    const Entry* now = work_.pending.find(side, scope.path);
    if (now == nullptr) continue;
    SYNC_ASSIGN(const auto row, work_.base->find(scope.path));
    const bool was_directory = row && row->agreed.is_directory();
    if (was_directory != now->is_directory()) out.add(side, scope.path, true);
  }
  return {};
}

Status Cycle::scan(const HintSet& where) {
  HintSet next;
  SYNC_TRY(widen(Side::code, where, next));
  SYNC_TRY(widen(Side::deploy, where, next));
  HintSet looked;
  while (!next.empty()) {
    const auto code = next.scopes(Side::code);
    const auto deploy = next.scopes(Side::deploy);
    SYNC_TRY(scan_scopes(code, deploy));
    looked.merge(next);
    next = HintSet{};
    SYNC_TRY(follow_ups(Side::code, code, next));
    SYNC_TRY(follow_ups(Side::deploy, deploy, next));
    SYNC_TRY(follow_links(Side::code, looked, next));
    SYNC_TRY(follow_links(Side::deploy, looked, next));
  }
  return {};
}

/// A hint to one name of a file looks at all of them; who asks for one path gets them all.
Status Cycle::follow_links(Side side, const HintSet& looked, HintSet& out) {
  if (!policy_.preserve_hardlinks) return {};
  SYNC_ASSIGN(const auto names, other_names(*work_.base, work_.pending, side, looked.scopes(side)));
  for (const auto& name : names) {
    out.add(side, name, false);
    if (!order_.only.empty()) only_.push_back({name, false});
  }
  return {};
}

Status Cycle::scan_scopes(const std::vector<Scope>& code, const std::vector<Scope>& deploy) {
  ScanTask task;
  task.kind = ScanTaskKind::scan;
  task.pair_id = work_.meta.pair_id;
  task.epoch = work_.meta.epoch;
  task.code = code;
  task.deploy = deploy;
  task.exclude = order_.exclude;
  task.preserve_owner = policy_.preserve_owner;
  task.code_doubt = policy_.code_doubt;
  task.deploy_doubt = policy_.deploy_doubt;
  // What was pending in the scopes stands until the scan has come to its end: a failed one changes nothing.
  std::vector<ScanChunk> chunks;
  const auto keep = [&](std::string_view body) -> Status {
    SYNC_ASSIGN(ScanChunk chunk, decode<ScanChunk>(body));
    chunks.push_back(std::move(chunk));
    return {};
  };
  SYNC_ASSIGN(const std::string body,
              services_.tasks.call(kScanner, work_.config.name, encode(task), keep, services_.stop));
  SYNC_ASSIGN(const ScanDone done, decode<ScanDone>(body));
  work_.pending.clear(Side::code, code, done.code.unreadable);
  work_.pending.clear(Side::deploy, deploy, done.deploy.unreadable);
  for (auto& chunk : chunks) {
    take_chunk(std::move(chunk));
    chunk = ScanChunk{};
  }
  take_scan(done);
  take_special(Side::code, code, done.code);
  take_special(Side::deploy, deploy, done.deploy);
  if (done.rules_changed && !(is_whole(code) && is_whole(deploy))) {
    for (const Side side : {Side::code, Side::deploy}) again_.add(side, {}, true);
  }
  return {};
}

void Cycle::take_special(Side side, const std::vector<Scope>& scopes, const SideScan& scan) {
  const std::set<std::string> news = note_special(work_, side, scopes, scan.special);
  if (order_.flushed) return;  // told of all at once
  for (const auto& path : scan.special) tell_special(side, path, !order_.only_news || news.contains(path));
}

void Cycle::tell_skipped(const std::string& path, std::string text, bool aloud) {
  if (!told_.insert(str(path, '\0', text)).second) return;
  ++summary_.skipped;
  if (!aloud) return;
  Event event;
  event.kind = EventKind::skipped;
  event.path = path;
  event.text = std::move(text);
  services_.emit(std::move(event));
}

void Cycle::tell_special(Side side, const std::string& path, bool aloud) {
  tell_skipped(path, str("not a file, directory or symlink on the ", to_string(side), " side"), aloud);
}

void Cycle::take_chunk(ScanChunk&& chunk) {
  for (auto& e : chunk.entries) {
    if (is_valid_rel_path(e.path) && !e.path.empty())
      work_.pending.set(chunk.side, std::move(e.path), std::move(e.entry));
  }
}

void Cycle::take_scan(const ScanDone& done) {
  if (done.code.started_ns != 0) scanned_ns_[0] = done.code.started_ns;
  if (done.deploy.started_ns != 0) scanned_ns_[1] = done.deploy.started_ns;
  ignored_rows_.insert(ignored_rows_.end(), done.ignored_rows.begin(), done.ignored_rows.end());
  for (const Side side : {Side::code, Side::deploy}) {
    const SideScan& scan = side == Side::code ? done.code : done.deploy;
    unreadable_ += scan.unreadable.size();
    for (const auto& e : scan.unreadable) {
      unknown_ = unknown_ || (e.code != ErrorCode::denied && e.code != ErrorCode::unsupported);
    }
    for (const auto& e : scan.unreadable)
      tell_skipped(e.path, str("cannot be read on the ", to_string(side), " side: ", e.message));
    if (!scan.unreadable.empty()) work_.hints_complete = false;
  }
  for (const auto& pattern : done.bad_patterns)
    tell_skipped({}, str("ignore pattern '", escape_bytes(pattern), "' is not valid"));
}

Result<std::vector<PathState>> Cycle::states_with_digests() {
  policy_.code_scanned_ns = scanned_ns_[0];
  policy_.deploy_scanned_ns = scanned_ns_[1];
  for (int round = 0;; ++round) {
    if (policy_.preserve_hardlinks) {
      for (const Side side : {Side::code, Side::deploy}) share_digests(work_.pending, side);
    }
    SYNC_ASSIGN(auto states, work_.pending.states(*work_.base, only_, in_doubt()));
    if (policy_.preserve_hardlinks) SYNC_TRY(add_other_names(*work_.base, work_.pending, states));
    DigestNeeds needs = digest_needs(states, policy_);
    if (policy_.preserve_hardlinks) {
      drop_other_names(work_.pending, Side::code, needs.code);
      drop_other_names(work_.pending, Side::deploy, needs.deploy);
    }
    if (needs.empty() || round == kDigestRounds) return states;
    emit_progress("comparing");
    ScanTask task;
    task.kind = ScanTaskKind::digest;
    task.pair_id = work_.meta.pair_id;
    task.epoch = work_.meta.epoch;
    task.code_paths = std::move(needs.code);
    task.deploy_paths = std::move(needs.deploy);
    const auto take = [&](std::string_view body) -> Status {
      SYNC_ASSIGN(ScanChunk chunk, decode<ScanChunk>(body));
      // A file that cannot be read keeps its unknown digest: it counts as different from everything.
      std::erase_if(chunk.entries, [](const PathEntry& e) { return !e.entry.is_file(); });
      take_chunk(std::move(chunk));
      return {};
    };
    auto read = services_.tasks.call(kScanner, work_.config.name, encode(task), take, services_.stop);
    if (!read) return std::move(read).error();
  }
}

void Cycle::leave_kept(Plan& plan) {
  if (order_.full) return;  // a whole rescan tries them again
  std::erase_if(plan.operations, [&](const Operation& op) {
    return op.kind == OpKind::remove_directory && work_.kept[static_cast<size_t>(op.side)].contains(op.path);
  });
}

Status Cycle::guard(Plan& plan) {
  if (!has_removals(plan)) return {};
  GuardInput input;
  input.limits = work_.config.delete_limits;
  SYNC_ASSIGN(input.base_entries, work_.base->count());
  input.now_ns = services_.clock.wall_ns();
  input.approved_code = order_.approved_code;
  input.approved_deploy = order_.approved_deploy;
  SYNC_ASSIGN(const auto parked, work_.base->parked());
  for (const auto& item : parked) {
    if (item.reason != ParkedReason::mass_deletion) continue;
    (item.side == Side::code ? input.tripped_code : input.tripped_deploy) = true;
  }
  apply_guard(plan, work_.deletions, input);
  return {};
}

Result<Plan> Cycle::decide() {
  SYNC_ASSIGN(const auto states, states_with_digests());
  policy_.code_now_ns = services_.clock.wall_ns();
  policy_.deploy_now_ns = policy_.code_now_ns + policy_.skew_ns;
  return make_plan(states, policy_);
}

Result<Plan> Cycle::make() {
  emit_progress("planning");
  SYNC_ASSIGN(Plan plan, decide());
  // The scans and the planner's table were several times what is left: give it back before the transfer needs memory.
  if (plan.operations.size() > kTrimFrom) malloc_trim(0);
  for (const auto& path : ignored_rows_) plan.agreements.push_back({AgreementKind::gone, path, {}});
  leave_kept(plan);
  SYNC_TRY(guard(plan));
  for (const Side side : {Side::code, Side::deploy}) {
    if (work_.stores.facts[static_cast<size_t>(side)].precious_over_limit) withhold_displacing(plan, side);
  }
  filter_direction(plan, order_.direction);
  return plan;
}

Status Cycle::wait_for_moves(Plan& plan) {
  // A deletion may be half of a move whose other half is still on its way: everything queued before is looked at first.
  for (int n = 0; n < 2 && order_.more_hints && has_removals(plan); ++n) {
    const auto more = order_.more_hints();
    HintSet hints;
    for (const auto& hint : more) hints.add(hint);
    if (hints.empty()) return {};
    SYNC_TRY(scan(hints));
    SYNC_ASSIGN(plan, make());
  }
  return {};
}

Status Cycle::agree(const Plan& plan) {
  if (plan.agreements.empty()) return {};
  Recorder recorder(*work_.base, work_.pending, policy_, work_.meta.round);
  SYNC_TRY(work_.base->begin(false));
  for (const auto& agreement : plan.agreements) {
    SYNC_TRY(recorder.agreed(agreement));
    SYNC_TRY(settle_unkept(work_, agreement.path));
    if (agreement.kind == AgreementKind::moved) SYNC_TRY(settle_unkept(work_, agreement.from));
  }
  SYNC_TRY(work_.base->commit());
  ignored_rows_.clear();
  recorded_ = true;
  return {};
}

void Cycle::announce(const Plan& plan) {
  summary_.operations = plan.operations.size();
  for (const auto& op : plan.operations) {
    Event event;
    event.kind = EventKind::operation;
    event.path = op.path;
    event.operation = op;
    services_.emit(std::move(event));
  }
}

Status Cycle::pass(bool& more) {
  SYNC_ASSIGN(Plan plan, make());
  if (!order_.dry_run) SYNC_TRY(wait_for_moves(plan));
  PlanOutcome outcome;
  if (order_.dry_run) {
    announce(plan);
    outcome = pretended_outcome(plan);
  } else {
    SYNC_TRY(agree(plan));
    if (!plan.operations.empty()) {
      PlanRun run(work_, services_, policy_, scanned_ns_[0], scanned_ns_[1], order_.list_operations);
      outcome = run.run(plan);
      recorded_ = true;
    }
  }
  const int64_t now = services_.clock.wall_ns();
  const auto conflicts = conflict_records(plan, outcome, now);
  SYNC_ASSIGN(const auto parked_before, work_.base->parked());
  const auto parked = parked_records(plan, outcome, parked_before, now);
  for (const auto& c : conflicts) {
    Event event;
    event.kind = EventKind::conflict;
    event.path = c.path;
    event.item = c.id;
    event.text =
        c.open ? "waits for `twsync resolve`: " + c.text
               : str(c.winner == ConflictWinner::code ? "the code" : "the deploy", " server's version stands; ", c.text,
                     c.loser_version.empty() ? "" : ("; the other is kept as version " + c.loser_version).c_str());
    services_.emit(std::move(event));
  }
  for (const auto& p : parked) {
    const bool known = std::any_of(parked_before.begin(), parked_before.end(),
                                   [&](const ParkedRecord& was) { return was.id == p.id; });
    if (known && order_.only_news) continue;
    Event event;
    event.kind = EventKind::parked;
    event.path = p.paths.size() == 1 ? p.paths.front() : std::string{};
    event.item = p.id;
    event.text = p.text;
    services_.emit(std::move(event));
  }
  const bool too_full = std::any_of(parked.begin(), parked.end(),
                                    [](const ParkedRecord& item) { return item.reason == ParkedReason::no_space; });
  note_room_wanted(work_, too_full, now);
  summary_.conflicts += conflicts.size();
  summary_.parked = parked.size();
  summary_.guarded = static_cast<uint64_t>(std::count_if(parked.begin(), parked.end(), [](const ParkedRecord& item) {
    return item.reason == ParkedReason::mass_deletion;
  }));
  for (const auto& c : conflicts) summary_.parked += c.open ? 1 : 0;
  summary_.skipped += outcome.kept_directories + outcome.apart;
  summary_.operations += outcome.done;
  summary_.failed = outcome.failed;
  summary_.bytes_sent += outcome.bytes_sent;
  summary_.bytes_received += outcome.bytes_received;
  summary_.content_bytes += outcome.content_bytes;
  if (!order_.dry_run) {
    SYNC_TRY(work_.base->begin(false));
    for (const auto& c : conflicts) SYNC_TRY(work_.base->add_conflict(c));
    if (only_.empty()) {
      SYNC_TRY(replace_parked(*work_.base, parked));
      SYNC_TRY(close_settled_conflicts(*work_.base, conflicts));
    }
    SYNC_TRY(record_special(work_, now));
    SYNC_TRY(work_.base->commit());
  }
  for (const auto& path : outcome.again) {
    again_.add(Side::code, path, false);
    again_.add(Side::deploy, path, false);
  }
  more = !again_.empty() && outcome.error.code == ErrorCode::ok;
  if (outcome.error.code != ErrorCode::ok) return outcome.error;
  return {};
}

void Cycle::finish(Status status) {
  if (work_.base) work_.base->rollback();
  if (recorded_) {
    work_.rounds.unconfirmed = true;
    work_.rounds.recorded_ns = services_.clock.steady_ns();
  }
  if (status.ok() && !order_.dry_run) status = close();
  if (!status.ok()) summary_.error = status.error();
  std::vector<std::string> pending;
  for (const Side side : {Side::code, Side::deploy}) {
    for (const auto& [path, entry] : work_.pending.side(side)) {
      // Sockets and the like are never synced, so they keep nothing out of sync; a kept directory was told.
      if (entry.kind == Kind::other || work_.kept[static_cast<size_t>(other(side))].contains(path)) continue;
      pending.push_back(path);
    }
  }
  std::sort(pending.begin(), pending.end());
  summary_.pending = static_cast<uint64_t>(std::unique(pending.begin(), pending.end()) - pending.begin());
  summary_.failed += unreadable_;
  summary_.dry_run = order_.dry_run;
  summary_.in_sync = status.ok() && summary_.pending == 0 && summary_.parked == 0 && summary_.failed == 0;
  summary_.duration_ns = services_.clock.steady_ns() - started_ns_;
}

Status Cycle::close() {
  // Of what could not be looked at nobody knows whether it was lost; what a permission or a mount hides is no damage.
  if (only_.empty() && work_.pending_known && !unknown_) SYNC_TRY(end_first_look(work_, policy_));
  // A cycle that found nothing to record leaves the base alone, but for the first one of a pair.
  if (!recorded_ && work_.meta.completed > 0 && !order_.full) return {};
  ++work_.meta.completed;
  work_.meta.last_done_ns = services_.clock.wall_ns();
  SYNC_TRY(work_.base->begin(true));
  SYNC_TRY(work_.base->set_meta(work_.meta));
  return work_.base->commit();
}

void Cycle::emit_progress(const char* stage) {
  Event event;
  event.kind = EventKind::progress;
  event.progress = Progress{};
  event.progress->stage = stage;
  services_.emit(std::move(event));
}

}  // namespace twsync
