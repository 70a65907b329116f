// Where a cycle looks, and what it takes from the scans.

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/core/units.h"
#include "workers/resolver/cycle.h"
#include "workers/resolver/link_names.h"
#include "workers/resolver/unkept.h"

namespace twsync {

namespace {

constexpr const char* kScanner = "scanner";
constexpr const char* kIgnoreFile = ".twsyncignore";

bool is_whole(const std::vector<Scope>& scopes) {
  return std::any_of(scopes.begin(), scopes.end(), [](const Scope& s) { return s.recursive && s.path.empty(); });
}

}  // namespace

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
    for (Scope scope : order_.only) {
      if (const auto unit = unit_of(policy_, scope.path)) scope = {policy_.units[*unit], true};
      only_.push_back(std::move(scope));
    }
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
  // There will be much to carry.
  if (!order_.dry_run && work_.base->empty()) woken_ = wake_transfer(work_, services_, policy_);
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
    // In a unit all of it is looked at, on both sides: what goes together is what is pending together.
    const auto unit = unit_of(policy_, from);
    if (unit) {
      from = policy_.units[*unit];
      recursive = true;
    }
    for (std::string_view up = from; !up.empty();) {
      up = parent_path(up);
      if (up.empty()) break;
      SYNC_ASSIGN(const auto row, work_.base->find(up));
      if (row && row->agreed.is_directory()) break;
      from = up;
      recursive = true;
    }
    out.add(side, from, recursive);
    if (unit) out.add(other(side), from, true);
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
  note_unreadable(Side::code, code, done.code);
  note_unreadable(Side::deploy, deploy, done.deploy);
  if (done.rules_changed && !(is_whole(code) && is_whole(deploy))) {
    for (const Side side : {Side::code, Side::deploy}) again_.add(side, {}, true);
  }
  return {};
}

/// Of units alone, as long as it is so: with something unknown none of them is carried.
void Cycle::note_unreadable(Side side, const std::vector<Scope>& scopes, const SideScan& scan) {
  if (policy_.units.empty()) return;
  auto& known = work_.unreadable[static_cast<size_t>(side)];
  std::erase_if(known, [&](const std::string& path) {
    return std::any_of(scopes.begin(), scopes.end(), [&path](const Scope& scope) {
      return scope.recursive ? is_at_or_below(path, scope.path) : path == scope.path;
    });
  });
  for (const Error& e : scan.unreadable) {
    const bool mount = e.code == ErrorCode::unsupported && e.sys_errno == EXDEV;
    if (!mount && unit_of(policy_, e.path)) known.insert(e.path);
  }
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
  const bool mount = mounts_[static_cast<size_t>(side)].contains(path);
  const char* what = mount ? "another file system is mounted there" : "not a file, directory or symlink";
  tell_skipped(path, str(what, " on the ", to_string(side), " side"), aloud);
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
    for (const auto& e : scan.unreadable) {
      // Like a socket it is never synced, and listed as special: where the base knows something there, R03 parks it.
      if (e.code == ErrorCode::unsupported && e.sys_errno == EXDEV) {
        mounts_[static_cast<size_t>(side)].insert(e.path);
        continue;
      }
      ++unreadable_;
      unknown_ = unknown_ || (e.code != ErrorCode::denied && e.code != ErrorCode::unsupported);
      tell_skipped(e.path, str("cannot be read on the ", to_string(side), " side: ", e.message));
    }
    if (!scan.unreadable.empty()) work_.hints_complete = false;
  }
  for (const auto& odd : done.odd_rules) {
    if (odd.code == ErrorCode::guard) ++unreadable_;
    tell_skipped(odd.path, odd.message);
  }
  for (const auto& pattern : done.bad_patterns)
    tell_skipped({}, str("ignore pattern '", escape_bytes(pattern), "' is not valid"));
}

}  // namespace twsync
