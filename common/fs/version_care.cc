#include "common/fs/version_care.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "common/base/text.h"
#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/open_writers.h"

namespace twsync {

namespace {

constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kLookAfter = 60 * kSecond;
constexpr int64_t kLookAtLeast = 3'600 * kSecond;
constexpr size_t kLookedLimit = 1U << 20U;
constexpr size_t kMostOpen = 10'000;

uint64_t byte_limit(int dir_fd, const VersionLimits& limits) {
  if (limits.keep_bytes != 0) return limits.keep_bytes;
  struct statvfs space;
  if (::fstatvfs(dir_fd, &space) != 0) return UINT64_MAX;
  return static_cast<uint64_t>(space.f_blocks) * space.f_frsize / 10;
}

void read_number(std::string_view line, std::string_view key, int64_t& value) {
  if (line.starts_with(key)) (void)std::from_chars(line.data() + key.size(), line.data() + line.size(), value);
}

int64_t displaced_ns(const VersionRecord& record) {
  return record.stored.ctime_ns != 0 ? record.stored.ctime_ns : record.time_ns;
}

}  // namespace

Result<CareReport> VersionCare::tend(const VersionLimits& limits) {
  CareReport report;
  SYNC_TRY(read_looked());
  note_clock(limits);
  SYNC_TRY(store_.adopt_nameless());
  SYNC_ASSIGN(std::vector<VersionRecord> versions, store_.list(""));
  std::vector<Kept> kept(versions.size());
  for (size_t i = 0; i < versions.size(); ++i) kept[i].record = std::move(versions[i]);
  SYNC_TRY(look(kept, report));
  thin(kept, limits);
  SYNC_TRY(expire(kept, limits, report));
  std::vector<VersionRecord> gone;
  for (Kept& version : kept) {
    if (version.goes) gone.push_back(std::move(version.record));
  }
  SYNC_ASSIGN(report.removed, store_.remove(gone));
  report.versions = kept.size() - report.removed;
  return report;
}

// A clock that was wrong, or is, must not make versions old: whatever is there when it jumps counts as of then.
void VersionCare::note_clock(const VersionLimits& limits) {
  const int64_t now = clock_.wall_ns();
  const int64_t jump = std::max<int64_t>(static_cast<int64_t>(limits.keep_days) * kDay / 2, kDay);
  ClockSeen& seen = clock_seen_;
  const bool even = seen.tended_ns != 0 && now > seen.tended_ns - kLookAtLeast && now < seen.tended_ns + jump;
  if (!even) seen.even_since_ns = now;
  if (!even || now > seen.tended_ns + kLookAtLeast) seen.tended_ns = now;
}

// The second look.

Status VersionCare::read_looked() {
  looked_ns_ = 0;
  clock_seen_ = {};
  open_.clear();
  const auto text = read_file_at(store_.dir_fd(), kLookedName, kLookedLimit);
  // Without it everything is looked at once more.
  if (!text) return {};
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with("open=")) open_.emplace(line.substr(5));
    read_number(line, "looked_ns=", looked_ns_);
    read_number(line, "tended_ns=", clock_seen_.tended_ns);
    read_number(line, "even_since_ns=", clock_seen_.even_since_ns);
  }
  clock_written_ = clock_seen_;
  // Written by a clock that was set back since.
  if (looked_ns_ > clock_.wall_ns()) looked_ns_ = 0;
  return {};
}

Status VersionCare::write_looked(int64_t looked_ns, std::set<std::string> open) {
  if (looked_ns == looked_ns_ && open == open_ && clock_seen_ == clock_written_) return {};
  looked_ns_ = looked_ns;
  open_ = std::move(open);
  clock_written_ = clock_seen_;
  std::string text = str("schema=1\nlooked_ns=", looked_ns_, "\ntended_ns=", clock_seen_.tended_ns,
                         "\neven_since_ns=", clock_seen_.even_since_ns, "\n");
  for (const std::string& id : open_) text += str("open=", id, "\n");
  return replace_file_at(store_.dir_fd(), kLookedName, text);
}

Status VersionCare::look(std::vector<Kept>& kept, CareReport& report) {
  const int64_t now = clock_.wall_ns();
  int64_t looked = looked_ns_;
  int64_t first_waiting = INT64_MAX;
  std::set<std::string> open;
  const auto again = [&](int64_t at) {
    report.next_look_ns = report.next_look_ns == 0 ? at : std::min(report.next_look_ns, at);
  };
  // Whoever reserved these may be about to fill them.
  SYNC_TRY(store_.for_each_reserved([&](VersionRecord&& record) {
    if (record.time_ns < now - kReservedFor) return;
    first_waiting = std::min(first_waiting, record.time_ns);
    again(now + kLookAfter);
  }));
  for (Kept& version : kept) {
    VersionRecord& record = version.record;
    if (record.time_ns <= looked_ns_ && !open_.contains(record.id)) continue;
    looked = std::max(looked, record.time_ns);
    if (!record.entry.is_file()) continue;
    const int64_t age = now - displaced_ns(record);
    if (age >= 0 && age < kLookAfter) {
      version.waits = true;
      first_waiting = std::min(first_waiting, record.time_ns);
      again(displaced_ns(record) + kLookAfter);
      continue;
    }
    SYNC_ASSIGN(const Finding found, examine(record, report));
    version.waits = found == Finding::open;
    if (version.waits && open.size() < kMostOpen) {
      open.insert(record.id);
      again(now + std::clamp(age, kLookAfter, kLookAtLeast));
    }
    // What the copy holds is all there was: nobody wrote, and nobody can any more.
    const bool twin = !record.copy.empty() && record.cause == LoserCause::ordinary;
    if (found == Finding::same && twin && store_.open_source(record.copy)) version.goes = true;
  }
  if (first_waiting != INT64_MAX) looked = std::min(looked, first_waiting - 1);
  return write_looked(looked, std::move(open));
}

// Compares the stored file with its record; a late write is written down and told.
Result<VersionCare::Finding> VersionCare::examine(VersionRecord& record, CareReport& report) {
  FileStat stat;
  const auto fd = open_regular(store_.dir_fd(), record.id.c_str(), stat);
  if (!fd) return Finding::same;  // gone, or not for us to read: nothing can be said
  // Where nobody can tell, this look is the last one: nothing would ever go there.
  const bool open = open_writers(fd->get()) == Writers::some;
  const Stamp before = record.stored;
  const bool late = changed(record, fd->get(), stat);
  if (late) {
    const bool told = record.cause == LoserCause::late_write;
    record.cause = LoserCause::late_write;
    if (!told) report.late.push_back(record);
  }
  if (late || record.stored != before) SYNC_TRY(store_.amend(record));
  return open ? Finding::open : late ? Finding::late : Finding::same;
}

// Takes over what the file is now.
bool VersionCare::changed(VersionRecord& record, int fd, FileStat& stat) {
  Entry& entry = record.entry;
  if (record.stored == stat.stamp()) return false;
  bool same = stat.size == entry.size;
  Digest now;
  if (!same || entry.digest.known()) {
    if (auto digest = hash_file(fd, hasher_, stat)) now = *digest;
    same = same && now == entry.digest;
  } else {
    same = stat.mtime_ns == (record.stored == Stamp{} ? entry.mtime_ns : record.stored.mtime_ns);
  }
  record.stored = stat.stamp();
  if (same) return false;
  entry.size = stat.size;
  entry.mtime_ns = stat.mtime_ns;
  entry.digest = now;
  return true;
}

// What is kept for how long.

// Ordinary versions beyond the last few of their path that lie too close to a newer one that stays.
void VersionCare::thin(std::vector<Kept>& kept, const VersionLimits& limits) const {
  struct PathState {
    uint32_t kept = 0;
    int64_t newest_kept_ns = 0;
  };
  std::unordered_map<std::string_view, PathState> paths;
  for (size_t i = kept.size(); i-- > 0;) {
    Kept& version = kept[i];
    if (version.goes || is_precious(version.record.cause)) continue;
    PathState& path = paths[version.record.path];
    const bool spaced = path.newest_kept_ns - version.record.time_ns >= limits.spacing_ns;
    if (path.kept >= limits.keep_last && !spaced) {
      version.goes = true;
      continue;
    }
    ++path.kept;
    path.newest_kept_ns = version.record.time_ns;
  }
}

Status VersionCare::expire(std::vector<Kept>& kept, const VersionLimits& limits, CareReport& report) {
  const int64_t now = clock_.wall_ns();
  const int64_t oldest = now - static_cast<int64_t>(limits.keep_days) * kDay;
  const int64_t even_since = clock_seen_.even_since_ns;
  const auto aged_from = [&](int64_t time_ns) { return time_ns > now ? even_since : std::max(time_ns, even_since); };
  report.limit_bytes = byte_limit(store_.dir_fd(), limits);
  std::unordered_map<std::string_view, uint32_t> newer;  // ordinary versions of a path that stay, newest first
  std::vector<std::pair<bool, size_t>> ordinary;         // among the last few of its path?, index
  for (size_t i = kept.size(); i-- > 0;) {
    Kept& version = kept[i];
    FileStat stat;
    const bool file = stat_at(store_.dir_fd(), version.record.id.c_str(), stat) == 0;
    version.bytes = file ? stat.blocks * 512 : 0;
    version.goes = version.goes || aged_from(version.record.time_ns) < oldest;
    if (version.goes) mark(version, report);
    if (version.goes) continue;
    report.kept_bytes += version.bytes;
    if (is_precious(version.record.cause)) {
      report.precious_bytes += version.bytes;
    } else {
      ordinary.emplace_back(++newer[version.record.path] <= limits.keep_last, i);
    }
  }
  std::sort(ordinary.begin(), ordinary.end());
  for (const auto& [last, i] : ordinary) {
    if (report.kept_bytes <= report.limit_bytes) break;
    kept[i].goes = true;
    mark(kept[i], report);
    if (kept[i].goes) report.kept_bytes -= kept[i].bytes;
  }
  report.precious_over_limit = report.precious_bytes > report.limit_bytes;
  return {};
}

// Nothing goes that somebody may still write to, or has written to.
void VersionCare::mark(Kept& version, CareReport& report) {
  if (version.waits) version.goes = false;
  if (!version.goes || !version.record.entry.is_file()) return;
  const auto found = examine(version.record, report);
  version.goes = found && *found == Finding::same;
}

}  // namespace twsync
