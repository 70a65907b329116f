#include "workers/resolver/pair_opening.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "workers/resolver/identity.h"

namespace twsync {

namespace {

constexpr const char* kScanner = "scanner";

Status make_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return error_from_errno(errno, "cannot make the state directory", part);
    if (slash == std::string::npos) return {};
  }
}

std::string holder_text(int64_t now_ns) {
  char host[256] = "unknown host";
  gethostname(host, sizeof host - 1);
  const std::time_t seconds = now_ns / kSecond;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return str(host, ", pid ", getpid(), ", since ", when);
}

Result<std::string> ask(const PairWork& work, const CycleServices& services, const ScanTask& task) {
  const auto no_data = [](std::string_view) -> Status { return {}; };
  return services.tasks.call(kScanner, work.config.name, encode(task), no_data, services.stop);
}

Status load_base(PairWork& work, const CycleServices& services) {
  if (work.base) return {};
  SYNC_TRY(make_directories(work.config.state_dir));
  bool moved_aside = false;
  const std::string path = work.config.state_dir + "/base.db";
  SYNC_ASSIGN(work.base, open_or_replace(path, moved_aside));
  auto meta = work.base->meta();
  if (!meta && meta.error().code != ErrorCode::corrupt) return meta.error();
  work.meta = meta ? *meta : BaseMeta{};
  if (moved_aside || !meta) {
    Event note;
    note.kind = EventKind::note;
    note.text = "the base was damaged: it was moved aside, and both sides are merged without deleting anything";
    services.emit(std::move(note));
  }
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
  return Error{ErrorCode::guard, str(decision.reason, " (twsync approve ", item.id, ")"), {}, 0};
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

void remember_facts(PairWork& work, uint64_t epoch) {
  BaseMeta& meta = work.meta;
  meta.epoch = epoch;
  meta.clean_close = false;
  meta.code_boot_id = work.sides.code.boot_id;
  meta.deploy_boot_id = work.sides.deploy.boot_id;
  meta.code_root_inode = work.sides.code.root_inode;
  meta.deploy_root_inode = work.sides.deploy.root_inode;
  meta.code_root = work.config.code_path;
  meta.deploy_root = str(work.sides.deploy.host, ":", work.sides.deploy.root_path);
}

}  // namespace

Status open_pair(PairWork& work, const CycleServices& services, bool rehome) {
  SYNC_TRY(load_base(work, services));
  work.opened = false;
  work.pending_known = false;
  ScanTask task;
  task.kind = ScanTaskKind::open;
  task.pair_id = work.meta.pair_id;
  task.hash_key = work.meta.hash_key;
  SYNC_ASSIGN(const std::string opened, ask(work, services, task));
  SYNC_ASSIGN(work.sides, decode<OpenDone>(opened));

  const auto decision = decide_identity(work.meta, work.sides.code, work.sides.deploy, rehome);
  if (decision.action == IdentityDecision::Action::stop) return park_stop(work, services, decision);
  if (decision.action == IdentityDecision::Action::union_merge) SYNC_TRY(forget_rows(work, decision));

  task.kind = ScanTaskKind::claim;
  task.pair_id = work.meta.pair_id;
  task.hash_key = work.meta.hash_key;
  task.epoch = decision.epoch;
  task.holder = holder_text(services.clock.wall_ns());
  SYNC_ASSIGN(const std::string claimed, ask(work, services, task));

  remember_facts(work, decision.epoch);
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->set_meta(work.meta));
  for (const char* item : {"r-code", "r-deploy"}) SYNC_TRY(work.base->drop_parked(item));
  SYNC_TRY(work.base->commit());
  work.pending = PendingTree{};
  for (auto& kept : work.kept) kept.clear();
  work.opened = true;
  return {};
}

Status close_pair(PairWork& work) {
  if (!work.opened) return {};
  work.opened = false;
  work.meta.clean_close = true;
  SYNC_TRY(work.base->begin(true));
  SYNC_TRY(work.base->set_meta(work.meta));
  return work.base->commit();
}

}  // namespace twsync
