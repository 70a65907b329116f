#include "workers/resolver/pair_opening.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "workers/resolver/identity.h"
#include "workers/resolver/recent_deletions.h"
#include "workers/resolver/root_claim.h"
#include "workers/resolver/store_care.h"
#include "workers/resolver/unkept.h"
#include "workers/resolver/unclean.h"

namespace twsync {

namespace {

constexpr std::chrono::milliseconds kBusyAgain{100};
constexpr int kFreshTries = 5;

std::string base_path(const PairWork& work) {
  return work.config.state_dir + "/base.db";
}

void tell_damage(const CycleServices& services) {
  Event note;
  note.kind = EventKind::note;
  note.text = "the base was damaged: it was moved aside, and both sides are merged without deleting anything";
  services.emit(std::move(note));
}

Status load_base(PairWork& work, const CycleServices& services) {
  if (work.base) return {};
  SYNC_TRY(make_state_directory(work.config.state_dir));
  bool moved_aside = false;
  SYNC_ASSIGN(work.base, open_or_replace(base_path(work), moved_aside));
  auto meta = work.base->meta();
  if (!meta && meta.error().code != ErrorCode::corrupt) return meta.error();
  work.meta = meta ? *meta : BaseMeta{};
  recall_stores(work, services.clock.wall_ns());
  recall_deletions(work, services.clock.wall_ns());
  SYNC_TRY(recall_unkept(work));
  if (moved_aside || !meta) tell_damage(services);
  return {};
}

Status park_stop(PairWork& work, const CycleServices& services, const IdentityDecision& decision) {
  ParkedRecord item;
  item.id = str("r-", to_string(decision.side));
  item.reason = ParkedReason::root_identity;
  item.side = decision.side;
  item.at_ns = services.clock.wall_ns();
  item.text = decision.reason;
  SYNC_TRY(work.base->put_parked(item));
  Event event;
  event.kind = EventKind::parked;
  event.item = item.id;
  event.text = item.text;
  services.emit(std::move(event));
  return Error{
      ErrorCode::guard, str(decision.reason, " (twsync approve ", item.id, " --pair ", work.config.name, ")"), {}, 0};
}

Status forget_rows(PairWork& work, const IdentityDecision& decision) {
  if (work.meta.pair_id.empty()) {
    work.meta.pair_id = decision.pair_id.empty() ? random_hex(8) : decision.pair_id;
    random_bytes(work.meta.hash_key.data(), work.meta.hash_key.size());
  }
  work.meta.completed = 0;
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->clear_rows());
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

/// Another controller had the same idea at the same moment: the next opening finds its id on both roots.
Status forget_identity(PairWork& work) {
  work.meta = BaseMeta{};
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

Status look_only(PairWork& work, const IdentityDecision& decision) {
  if (decision.action == IdentityDecision::Action::stop) return Error{ErrorCode::guard, decision.reason, {}, 0};
  if (decision.action == IdentityDecision::Action::union_merge && !work.base->empty()) {
    return Error{
        ErrorCode::guard,
        "what both sides agreed on last is older than their roots: a run merges both without deleting anything, "
        "which a dry run cannot show",
        {},
        0};
  }
  return {};
}

bool gave_way(const PairWork& work, const Status& opened) {
  return !opened.ok() && opened.error().code == ErrorCode::busy && work.meta.pair_id.empty();
}

/// What was deleted on one side comes back, and edits may become conflicts: a person must be able to tell why.
void tell_of_merge(const PairWork& work, const CycleServices& services, const IdentityDecision& decision) {
  if (decision.reason.empty() || (work.base->empty() && !work.meta.pair_id.empty())) return;
  Event note;
  note.kind = EventKind::note;
  note.text = str(decision.reason,
                  ": both sides are merged as if they met for the first time. Nothing is deleted; what was deleted on "
                  "one side alone since the last sync comes back");
  services.emit(std::move(note));
}

const SideFacts& facts_of(const PairWork& work, Side side) {
  return side == Side::code ? work.sides.code : work.sides.deploy;
}

void tell_of_stop(const PairWork& work, const CycleServices& services, Side side, const std::string& what) {
  Event note;
  note.kind = EventKind::note;
  note.text = str("the ", to_string(side), " server ", facts_of(work, side).host, " stopped without closing (", what,
                  "): what was synced shortly before is read again, the rest in the background");
  services.emit(std::move(note));
}

/// What this opening must assume of a side, and what an earlier one left to do.
Recovery recovery_for(PairWork& work, const CycleServices& services, Side side, const IdentityDecision& decision,
                      bool base_lost) {
  const SideFacts& now = facts_of(work, side);
  const bool merge = decision.action == IdentityDecision::Action::union_merge;
  Recovery recovery;
  recovery.audit = !merge;  // a union merge compares everything anyway
  if (base_lost) {
    recovery.doubt = doubt_everything(now);
    return recovery;
  }
  const auto stop = find_unclean_stop(work.meta, side, now);
  if (!stop) return merge ? recovery : work.meta.recovery(side);
  tell_of_stop(work, services, side, stop->what);
  recovery.doubt = stop->doubt;
  return recovery;
}

void remember_facts(PairWork& work, uint64_t epoch) {
  BaseMeta& meta = work.meta;
  meta.epoch = epoch;
  work.rounds = FlushRounds{};
  work.rounds.unconfirmed = !meta.clean_close;
  meta.clean_close = false;
  ++meta.round;
  meta.code_boot_id = work.sides.code.boot_id;
  meta.deploy_boot_id = work.sides.deploy.boot_id;
  meta.code_root_inode = work.sides.code.root_inode;
  meta.deploy_root_inode = work.sides.deploy.root_inode;
  meta.code_place = place_of(work.sides.code);
  meta.deploy_place = place_of(work.sides.deploy);
  meta.code_root = work.config.code_path;
  meta.deploy_root = str(work.sides.deploy.host, ":", work.sides.deploy.root_path);
}

/// Another run of this pair that ended while this one waited for the locks has its own epoch in the base, and perhaps
/// batches under way: theirs must be older than what this one claims.
Status check_unused(PairWork& work) {
  SYNC_ASSIGN(const BaseMeta now, work.base->meta());
  if (now.epoch == work.meta.epoch) return {};
  work.base.reset();
  return Error{ErrorCode::stale, "another run of this pair ended meanwhile", {}, 0};
}

Status try_open(PairWork& work, const CycleServices& services, Opening how) {
  SYNC_TRY(load_base(work, services));
  work.opened = false;
  work.pending_known = false;
  work.pending = PendingTree{};
  for (auto& kept : work.kept) kept.clear();
  ScanTask task;
  task.kind = ScanTaskKind::open;
  task.pair_id = work.meta.pair_id;
  task.hash_key = work.meta.hash_key;
  task.holder = holder_text(services.clock.wall_ns());
  task.whole_next = how == Opening::claim && work.meta.completed > 0;
  SYNC_ASSIGN(const std::string opened, ask_scanner(work, services, task));
  SYNC_ASSIGN(work.sides, decode<OpenDone>(opened));

  const auto decision = decide_identity(work.meta, work.sides.code, work.sides.deploy, how == Opening::rehome);
  const bool merge = decision.action == IdentityDecision::Action::union_merge;
  const bool known = work.meta.pair_id.empty() ? !decision.pair_id.empty() : work.meta.completed > 0;
  const bool base_lost = merge && how != Opening::rehome && known;
  Recovery recovery[2];
  for (const Side side : {Side::code, Side::deploy}) {
    Recovery& one = recovery[static_cast<size_t>(side)];
    one = recovery_for(work, services, side, decision, base_lost);
    work.doubt[static_cast<size_t>(side)] = one.doubt;
  }
  if (how == Opening::look) return look_only(work, decision);
  if (decision.action == IdentityDecision::Action::stop) return park_stop(work, services, decision);
  const bool fresh = work.meta.pair_id.empty() && decision.pair_id.empty();
  if (merge) {
    tell_of_merge(work, services, decision);
    SYNC_TRY(forget_rows(work, decision));
  }
  if (const Status claimed = claim_roots(work, services, decision.epoch, fresh); !claimed.ok()) {
    if (fresh && claimed.error().code == ErrorCode::busy) SYNC_TRY(forget_identity(work));
    return claimed;
  }
  SYNC_TRY(check_unused(work));

  remember_facts(work, decision.epoch);
  work.meta.code_recovery = std::move(recovery[0]);
  work.meta.deploy_recovery = std::move(recovery[1]);
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->set_meta(work.meta));
  for (const char* item : {"r-code", "r-deploy"}) SYNC_TRY(work.base->drop_parked(item));
  SYNC_TRY(work.base->commit());
  work.epoch_raised_ns = services.clock.steady_ns();
  work.opened = true;
  return {};
}

}  // namespace

Status make_state_directory(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
      return error_from_errno(errno, "cannot make the state directory", part);
    if (slash == std::string::npos) return {};
  }
}

Status set_base_aside(PairWork& work, const CycleServices& services) {
  work.opened = false;
  work.base.reset();
  work.meta = BaseMeta{};
  work.rounds = FlushRounds{};
  SYNC_TRY(move_base_aside(base_path(work)));
  tell_damage(services);
  return {};
}

Status open_pair(PairWork& work, const CycleServices& services, Opening how) {
  Status opened = try_open(work, services, how);
  for (int n = 0; n < kFreshTries && gave_way(work, opened); ++n) {
    std::this_thread::sleep_for(kBusyAgain * (1 + random_hex(1)[0] % 8));
    opened = try_open(work, services, how);
  }
  const bool used = !opened.ok() && opened.error().code == ErrorCode::stale && !work.base;
  const bool damaged = !opened.ok() && opened.error().code == ErrorCode::corrupt;
  if (damaged) SYNC_TRY(set_base_aside(work, services));
  return used || damaged ? try_open(work, services, how) : opened;
}

Summary not_opened(const PairWork& work, const Error& error) {
  Summary summary;
  summary.error = error;
  const auto parked = work.base ? work.base->parked() : Result<std::vector<ParkedRecord>>(Error{});
  if (parked) summary.parked = parked->size();
  return summary;
}

Status close_pair(PairWork& work) {
  if (!work.opened) return {};
  work.opened = false;
  // Only what is known to be on both disks may be trusted after a power cut.
  if (work.rounds.unconfirmed) return {};
  work.meta.clean_close = true;
  work.meta.settled_round = work.meta.round;
  SYNC_TRY(work.base->begin(true));
  if (!work.doubt[0].fresh && !work.doubt[1].fresh) SYNC_TRY(work.base->forget_dropped(work.meta.settled_round));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

}  // namespace twsync
