#include "workers/resolver/unkept.h"

#include <algorithm>
#include <set>

#include "common/base/text.h"
#include "common/model/time_limits.h"

namespace twsync {

namespace {

constexpr size_t kMost = 100'000;  // of one kind and side: more say nothing new

constexpr Unkept kMetadata[] = {Unkept::mode, Unkept::owner, Unkept::xattrs, Unkept::time};

std::string octal(uint32_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3) out += static_cast<char>('0' + ((mode >> shift) & 7U));
  return out;
}

std::string owner_text(const Entry& entry) {
  return str(escape_bytes(entry.owner.str()), ":", escape_bytes(entry.group.str()));
}

struct Loss {
  Unkept what;
  std::string text;
};

std::vector<Loss> losses(const Policy& policy, const Operation& op, const OpResult& result) {
  const Entry& wanted = op.desired;
  const Entry& got = result.target;
  std::vector<Loss> out;
  if (!got.is_symlink() && wanted.mode != got.mode)
    out.push_back({Unkept::mode, str("its mode ", octal(wanted.mode), " is ", octal(got.mode), " there")});
  const bool same_owner = wanted.owner == got.owner && wanted.group == got.group;
  if (policy.preserve_owner && !wanted.owner.empty() && !same_owner)
    out.push_back({Unkept::owner, str("its owner ", owner_text(wanted), " is ", owner_text(got), " there")});
  if (policy.preserve_xattrs && !got.is_symlink() && !(wanted.xattrs == got.xattrs))
    out.push_back({Unkept::xattrs, "its extended attributes or access lists are not all there"});
  // What was read while it changed comes with a time of its own.
  const bool as_planned = op.kind != OpKind::put_file || result.source.stamp == wanted.stamp;
  if (!got.is_directory() && as_planned && (wanted.mtime_ns != got.mtime_ns || !is_exact_time(got.mtime_ns)))
    out.push_back({Unkept::time, "its modification time is not exactly kept there"});
  return out;
}

bool differs(const BaseRow& row, Unkept what) {
  const SideRecord& a = row.code;
  const SideRecord& b = row.deploy;
  switch (what) {
    case Unkept::mode:
      return a.mode != b.mode;
    case Unkept::owner:
      return !(a.owner == b.owner && a.group == b.group);
    case Unkept::xattrs:
      return !(a.xattrs == b.xattrs);
    case Unkept::time:
      return a.stamp.mtime_ns != b.stamp.mtime_ns || !is_exact_time(a.stamp.mtime_ns);
    case Unkept::special:
      break;
  }
  return false;
}

bool covers(const std::vector<Scope>& scopes, const std::string& path) {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& scope) {
    return scope.recursive ? is_at_or_below(path, scope.path) : path == scope.path;
  });
}

}  // namespace

Status recall_unkept(PairWork& work) {
  SYNC_ASSIGN(const auto known, work.base->unkept(kMost));
  std::vector<const UnkeptRecord*> gone;
  for (const UnkeptRecord& record : known) {
    const auto side = static_cast<size_t>(record.side);
    if (record.what == Unkept::special) {
      work.special[side].insert(record.path);
      continue;
    }
    SYNC_ASSIGN(const auto row, work.base->find(record.path));
    if (row) {
      work.unkept[side].insert(record.path);
    } else {
      gone.push_back(&record);
    }
  }
  if (gone.empty()) return {};
  SYNC_TRY(work.base->begin(false));
  for (const UnkeptRecord* record : gone) SYNC_TRY(work.base->drop_unkept(record->path, record->side, record->what));
  return work.base->commit();
}

Status settle_unkept(PairWork& work, const std::string& path) {
  if (!work.unkept[0].contains(path) && !work.unkept[1].contains(path)) return {};
  SYNC_ASSIGN(const auto row, work.base->find(path));
  bool left = false;
  for (const Unkept what : kMetadata) {
    if (row && differs(*row, what)) {
      left = true;
      continue;
    }
    for (const Side side : {Side::code, Side::deploy}) SYNC_TRY(work.base->drop_unkept(path, side, what));
  }
  if (left) return {};
  for (auto& known : work.unkept) known.erase(path);
  return {};
}

Status note_metadata(PairWork& work, const CycleServices& services, const Policy& policy, const Operation& op,
                     const OpResult& result) {
  SYNC_TRY(settle_unkept(work, op.path));
  if (op.kind == OpKind::rename) SYNC_TRY(settle_unkept(work, op.from));
  if (op.kind != OpKind::put_file && op.kind != OpKind::put_symlink && op.kind != OpKind::set_metadata) return {};
  for (Loss& loss : losses(policy, op, result)) {
    work.unkept[static_cast<size_t>(op.side)].insert(op.path);
    SYNC_ASSIGN(const bool news,
                work.base->note_unkept({op.path, op.side, loss.what, services.clock.wall_ns(), loss.text}));
    if (!news) continue;
    Event event;
    event.kind = EventKind::skipped;
    event.path = op.path;
    event.text = str("cannot be kept on the ", to_string(op.side), " side: ", loss.text);
    services.emit(std::move(event));
  }
  return {};
}

std::set<std::string> note_special(PairWork& work, Side side, const std::vector<Scope>& scopes,
                                   const std::vector<std::string>& found) {
  auto& known = work.special[static_cast<size_t>(side)];
  const std::set<std::string> now(found.begin(), found.end());
  const auto gone =
      std::erase_if(known, [&](const std::string& path) { return !now.contains(path) && covers(scopes, path); });
  std::set<std::string> news;
  for (const std::string& path : now) {
    if (known.insert(path).second) news.insert(path);
  }
  work.special_news = work.special_news || gone > 0 || !news.empty();
  return news;
}

Status record_special(PairWork& work, int64_t now_ns) {
  if (!work.special_news) return {};
  SYNC_ASSIGN(const auto recorded, work.base->unkept(kMost));
  for (const UnkeptRecord& record : recorded) {
    const bool stands = work.special[static_cast<size_t>(record.side)].contains(record.path);
    if (record.what == Unkept::special && !stands)
      SYNC_TRY(work.base->drop_unkept(record.path, record.side, Unkept::special));
  }
  for (const Side side : {Side::code, Side::deploy}) {
    for (const std::string& path : work.special[static_cast<size_t>(side)]) {
      SYNC_ASSIGN([[maybe_unused]] const bool added,
                  work.base->note_unkept({path, side, Unkept::special, now_ns, "not a file, directory or symlink"}));
    }
  }
  work.special_news = false;
  return {};
}

}  // namespace twsync
