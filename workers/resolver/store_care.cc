#include "workers/resolver/store_care.h"

#include <algorithm>

#include "common/base/text.h"
#include "workers/resolver/parked_items.h"

namespace twsync {

namespace {

constexpr const char* kScanner = "scanner";
constexpr const char* kStores = "stores";  // in the base's memory
constexpr int64_t kHourly = 3'600 * kSecond;
constexpr int64_t kSecondLook = 60 * kSecond;
constexpr int64_t kAfterMany = 5 * kSecond;  // apart: a storm of deletions is looked after once in so much time
constexpr uint64_t kMany = 1'000;            // displaced versions
constexpr uint64_t kMoreRoom = 64U << 10U;

struct StoresMemory {
  int64_t tended_ns = 0, next_look_ns = 0;
  StoreFacts code, deploy;
  template <class F>
  void fields(F&& f) {
    f(tended_ns, next_look_ns, code, deploy);
  }
};

size_t index(Side side) {
  return static_cast<size_t>(side);
}

Status write_memory(PairWork& work) {
  const StoreWatch& s = work.stores;
  return work.base->remember(kStores, encode(StoresMemory{s.tended_ns, s.next_look_ns, s.facts[0], s.facts[1]}));
}

bool has_more_room(const StoreFacts& before, const StoreFacts& now) {
  return (before.precious_over_limit && !now.precious_over_limit) ||
         (before.room_bytes != UINT64_MAX && now.room_bytes > before.room_bytes + kMoreRoom) ||
         (before.room_inodes == 0 && now.room_inodes > 0);
}

void tell(const CycleServices& services, EventKind kind, const std::string& path, const std::string& item,
          std::string text) {
  Event event;
  event.kind = kind;
  event.path = path;
  event.item = item;
  event.text = std::move(text);
  services.emit(std::move(event));
}

Status record_late(PairWork& work, const CycleServices& services, Side side, const VersionInfo& late) {
  ConflictRecord record = late_conflict(side, late, services.clock.wall_ns());
  SYNC_TRY(work.base->add_conflict(record));
  tell(services, EventKind::conflict, record.path, record.id, record.text);
  return {};
}

// Returns whether more room was found on that side.
Result<bool> take(PairWork& work, const CycleServices& services, Side side, const TendReply& reply) {
  StoreWatch& s = work.stores;
  if (reply.error.code != ErrorCode::ok) {
    tell(services, EventKind::note, {}, {},
         str("the versions kept on the ", to_string(side), " side could not be looked after: ", describe(reply.error)));
    return false;
  }
  for (const VersionInfo& late : reply.late) SYNC_TRY(record_late(work, services, side, late));
  StoreFacts& known = s.facts[index(side)];
  const bool more = has_more_room(known, reply.facts);
  known = reply.facts;
  if (reply.next_look_ms >= 0) {
    const int64_t at = services.clock.wall_ns() + reply.next_look_ms * kMillisecond;
    s.next_look_ns = s.next_look_ns == 0 ? at : std::min(s.next_look_ns, at);
  }
  return more;
}

}  // namespace

void recall_stores(PairWork& work, int64_t now_ns) {
  work.stores = StoreWatch{};
  const auto text = work.base->remembered(kStores);
  if (!text || text->empty()) return;
  const auto memory = decode<StoresMemory>(*text);
  // Times of a clock that was set back since say nothing.
  if (!memory || memory->tended_ns > now_ns) return;
  StoreWatch& s = work.stores;
  s.tended_ns = memory->tended_ns;
  // What was displaced right before a controller died was not noted.
  s.next_look_ns = work.meta.clean_close ? memory->next_look_ns : now_ns;
  s.facts[0] = memory->code;
  s.facts[1] = memory->deploy;
  const auto parked = work.base->parked();
  s.wants_room = parked && std::any_of(parked->begin(), parked->end(),
                                       [](const ParkedRecord& item) { return item.reason == ParkedReason::no_space; });
  if (s.wants_room) s.next_look_ns = now_ns;
}

int64_t next_tending(const PairWork& work) {
  if (!work.opened) return 0;
  const StoreWatch& s = work.stores;
  int64_t at = s.tended_ns + kHourly;
  if (s.next_look_ns != 0) at = std::min(at, s.next_look_ns);
  if (s.displaced >= kMany) at = std::min(at, s.tended_ns + kAfterMany);
  const bool full = s.facts[0].precious_over_limit || s.facts[1].precious_over_limit;
  if (full || s.wants_room) at = std::min(at, s.tended_ns + kSecondLook);
  return at;
}

Result<bool> tend_stores(PairWork& work, const CycleServices& services) {
  ScanTask task;
  task.kind = ScanTaskKind::tend;
  task.pair_id = work.meta.pair_id;
  task.epoch = work.meta.epoch;
  const auto no_data = [](std::string_view) -> Status { return {}; };
  StoreWatch& s = work.stores;
  // Also when it fails: not again at once.
  s.tended_ns = services.clock.wall_ns();
  s.next_look_ns = 0;
  s.displaced = 0;
  SYNC_ASSIGN(const std::string body,
              services.tasks.call(kScanner, work.config.name, encode(task), no_data, services.stop));
  SYNC_ASSIGN(const TendDone done, decode<TendDone>(body));
  SYNC_TRY(work.base->begin(true));
  const auto code = take(work, services, Side::code, done.code);
  const auto deploy = code ? take(work, services, Side::deploy, done.deploy) : code;
  Status written = deploy ? write_memory(work) : Status(deploy.error());
  if (written) written = work.base->commit();
  if (!written) {
    work.base->rollback();
    return written.error();
  }
  return *code || *deploy;
}

void note_room_wanted(PairWork& work, bool wanted, int64_t now_ns) {
  StoreWatch& s = work.stores;
  // What is known of the room is from before it was found too small.
  if (wanted && !s.wants_room) s.next_look_ns = now_ns;
  s.wants_room = wanted;
}

void note_displaced(PairWork& work, int64_t now_ns) {
  StoreWatch& s = work.stores;
  ++s.displaced;
  if (s.next_look_ns != 0) return;
  s.next_look_ns = now_ns + kSecondLook + kSecond;
  // A run that ends before that leaves the look to the next one.
  (void)write_memory(work);
}

}  // namespace twsync
