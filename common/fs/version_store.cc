#include "common/fs/version_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>

#include "common/base/flush.h"
#include "common/base/hasher.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/entry_reader.h"
#include "common/fs/file_io.h"
#include "common/fs/file_reader.h"
#include "common/fs/flock_guard.h"
#include "common/fs/remove_tree.h"

namespace twsync {

namespace {

constexpr const char* kIndex = "index";
constexpr size_t kReadPiece = 256U << 10U;
constexpr uint64_t kWorthCompacting = 100;  // lines that say nothing any more

std::string hex_fixed(uint64_t value, unsigned digits) {
  std::string out(digits, '0');
  for (unsigned i = 0; i < digits; ++i) out[digits - 1 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15U];
  return out;
}

// As next_id() makes them.
bool parse_id(std::string_view text, int64_t& time_ns) {
  constexpr size_t kTime = 16;
  if (text.size() != 2 * kTime + 1 || text[kTime] != '-') return false;
  if (text.find_first_not_of("0123456789abcdef-") != std::string_view::npos) return false;
  uint64_t ns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + kTime, ns, 16);
  time_ns = static_cast<int64_t>(ns);
  return error == std::errc{} && end == text.data() + kTime;
}

UniqueFd open_index(int dir_fd, int flags) {
  return UniqueFd(::openat(dir_fd, kIndex, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
}

}  // namespace

VersionInfo to_info(const VersionRecord& record) {
  VersionInfo info;
  info.id = record.id;
  info.path = record.path;
  info.cause = record.cause;
  info.stored_ns = record.time_ns;
  info.entry = record.entry;
  info.how = record.how;
  info.epoch = record.epoch;
  info.cycle = record.cycle;
  info.copy = record.copy;
  return info;
}

Result<std::unique_ptr<VersionStore>> VersionStore::open(int versions_fd, Clock& clock) {
  auto store = std::unique_ptr<VersionStore>(new VersionStore(versions_fd, clock));
  store->id_suffix_ = random_hex(8);
  store->index_ = open_index(versions_fd, O_RDWR | O_CREAT | O_APPEND);
  if (!store->index_) return error_from_errno(errno, "cannot open the version index");
  // The index's own name, if it was made just now.
  if (flush_fd(versions_fd) != 0) return error_from_errno(errno, "cannot flush the version store");
  struct stat index;
  if (::fstat(store->index_.get(), &index) == 0 && index.st_size == 0) SYNC_TRY(store->adopt_nameless());
  return store;
}

// Time first, so that ids sort; never the same twice in a process, and with a random part of 64 bits in several.
std::string VersionStore::next_id(int64_t now_ns) {
  last_id_ns_ = std::max(now_ns, last_id_ns_ + 1);
  return hex_fixed(static_cast<uint64_t>(last_id_ns_), 16) + "-" + id_suffix_;
}

// Compaction may have put another file under the index's name.
Status VersionStore::reopen_if_replaced() {
  struct stat mine;
  struct stat named;
  const bool same = ::fstat(index_.get(), &mine) == 0 && ::fstatat(dir_fd_, kIndex, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
  if (same && !index_failed_) return {};
  index_ = open_index(dir_fd_, O_RDWR | O_CREAT | O_APPEND);
  index_failed_ = false;
  if (!index_) return error_from_errno(errno, "cannot open the version index");
  return {};
}

Status VersionStore::append(std::string_view lines) {
  for (;;) {
    SYNC_TRY(reopen_if_replaced());
    const FlockGuard guard(index_.get(), LOCK_SH);
    struct stat mine;
    // Replaced between opening and locking: nobody reads the old one any more.
    if (::fstat(index_.get(), &mine) == 0 && mine.st_nlink == 0) continue;
    return write_all(index_.get(), lines);
  }
}

Status VersionStore::reserve(std::vector<VersionRecord>& records) {
  if (records.empty()) return {};
  std::lock_guard lock(mutex_);
  const int64_t now = clock_.wall_ns();
  // A leading line feed ends whatever a crash left half written; empty lines mean nothing.
  std::string lines = "\n";
  for (VersionRecord& record : records) {
    record.time_ns = now;
    record.id = next_id(now);
    lines += format_version_line(record);
    lines += '\n';
  }
  return append(lines);
}

Status VersionStore::flush() {
  std::lock_guard lock(mutex_);
  if (flush_data(index_.get()) == 0) return {};
  index_failed_ = true;
  return error_from_errno(errno, "cannot flush the version index");
}

Result<std::string> VersionStore::reserve_durably(VersionRecord record) {
  std::vector<VersionRecord> one;
  one.push_back(std::move(record));
  SYNC_TRY(reserve(one));
  SYNC_TRY(flush());
  return one[0].id;
}

Status VersionStore::amend(const VersionRecord& record) {
  std::lock_guard lock(mutex_);
  return append("\n" + format_version_line(record) + "\n");
}

Status VersionStore::settle(const std::vector<SettledVersion>& settled, const std::vector<VersionRecord>& directories) {
  if (settled.empty() && directories.empty()) return {};
  std::string lines = "\n";
  for (const SettledVersion& one : settled) lines += format_settled_line(one) + "\n";
  for (const VersionRecord& record : directories) lines += format_version_line(record) + "\n";
  std::lock_guard lock(mutex_);
  return append(lines);
}

Status VersionStore::adopt_nameless() {
  // Before the index is read: who fills a reservation now has its line in there already.
  SYNC_ASSIGN(const std::vector<std::string> names, names_in(dir_fd_));
  std::unordered_set<std::string> known;
  SYNC_TRY(for_each_record([&](VersionRecord&& record) { known.insert(std::move(record.id)); }));
  std::string lines = "\n";
  for (const std::string& name : names) {
    VersionRecord record;
    FileStat stat;
    if (known.contains(name) || !parse_id(name, record.time_ns) || stat_at(dir_fd_, name.c_str(), stat) != 0) continue;
    record.id = name;
    record.cause = LoserCause::foreign;
    record.entry = entry_from_stat(stat);
    if (auto target = read_link(dir_fd_, name.c_str()); stat.kind == Kind::symlink && target)
      record.entry.target = std::move(target).value();
    record.stored = stat.stamp();
    lines += format_version_line(record) + "\n";
  }
  if (lines.size() == 1) return {};
  std::lock_guard lock(mutex_);
  SYNC_TRY(append(lines));
  return flush_data(index_.get()) == 0 ? Status{} : error_from_errno(errno, "cannot flush the version index");
}

Status VersionStore::for_each_line(const std::function<void(std::string_view)>& use) const {
  const UniqueFd fd = open_index(dir_fd_, O_RDONLY);
  if (!fd) return error_from_errno(errno, "cannot read the version index");
  std::string pending;
  const auto piece = std::make_unique_for_overwrite<char[]>(kReadPiece);
  for (;;) {
    SYNC_ASSIGN(const size_t got, read_full(fd.get(), piece.get(), kReadPiece));
    pending.append(piece.get(), got);
    size_t at = 0;
    for (size_t end; (end = pending.find('\n', at)) != std::string::npos; at = end + 1) {
      if (end != at) use(std::string_view(pending).substr(at, end - at));
    }
    pending.erase(0, at);
    if (got < kReadPiece) return {};
  }
}

// Each id once, in the order of ids. A damaged line was torn by a crash before it was durable: its version was never
// made, or what was to be said of it is not known.
Status VersionStore::for_each_record(const std::function<void(VersionRecord&&)>& use) const {
  std::map<std::string, VersionRecord> by_id;
  SYNC_TRY(for_each_line([&](std::string_view line) {
    if (auto settled = parse_settled_line(line)) {
      if (const auto found = by_id.find(settled->id); found != by_id.end()) found->second.stored = settled->stored;
    } else if (auto record = parse_version_line(line)) {
      std::string id = record->id;
      by_id.insert_or_assign(std::move(id), std::move(record).value());
    }
  }));
  for (auto& [id, record] : by_id) use(std::move(record));
  return {};
}

bool VersionStore::present(const VersionRecord& record) const {
  if (record.entry.is_directory() && record.stored != Stamp{}) return true;
  struct stat st;
  return ::fstatat(dir_fd_, record.id.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::vector<VersionRecord>> VersionStore::list(std::string_view prefix) const {
  std::vector<VersionRecord> out;
  SYNC_TRY(for_each_record([&](VersionRecord&& record) {
    if (is_at_or_below(record.path, prefix) && present(record)) out.push_back(std::move(record));
  }));
  return out;
}

Result<VersionRecord> VersionStore::find(std::string_view id) const {
  VersionRecord found;
  SYNC_TRY(for_each_record([&](VersionRecord&& record) {
    if (record.id == id) found = std::move(record);
  }));
  if (found.id.empty()) return Error{ErrorCode::not_found, str("no version ", id), {}, 0};
  return found;
}

Status VersionStore::for_each_reserved(const std::function<void(VersionRecord&&)>& use) const {
  return for_each_record([&](VersionRecord&& record) {
    if (!present(record)) use(std::move(record));
  });
}

Result<UniqueFd> VersionStore::open_source(std::string_view id) const {
  if (!is_valid_name(id) || id == kIndex || id == kLookedName || id[0] == '.')
    return Error{ErrorCode::not_found, "not a version id", {}, 0};
  FileStat stat;
  return open_regular(dir_fd_, std::string(id).c_str(), stat);
}

Result<uint64_t> VersionStore::remove(const std::vector<VersionRecord>& versions) {
  std::unordered_set<std::string> gone;
  for (const VersionRecord& version : versions) {
    if (remove_tree_at(dir_fd_, version.id).ok()) gone.insert(version.id);
  }
  const int64_t now = clock_.wall_ns();
  SYNC_TRY(drop_stray_copies(now));
  SYNC_TRY(compact(now, gone));
  return gone.size();
}

// Copies that a crash left half made. A live one is renamed to its id within moments.
Status VersionStore::drop_stray_copies(int64_t now_ns) {
  SYNC_ASSIGN(const std::vector<std::string> names, names_in(dir_fd_));
  for (const std::string& name : names) {
    FileStat stat;
    if (!name.starts_with(kCopyPrefix) || stat_at(dir_fd_, name.c_str(), stat) != 0) continue;
    if (stat.ctime_ns < now_ns - kReservedFor) SYNC_TRY(remove_tree_at(dir_fd_, name));
  }
  return {};
}

Status VersionStore::compact(int64_t now_ns, const std::unordered_set<std::string>& gone) {
  std::lock_guard lock(mutex_);
  SYNC_TRY(reopen_if_replaced());
  const FlockGuard guard(index_.get(), LOCK_EX);
  uint64_t lines = 0;
  SYNC_TRY(for_each_line([&](std::string_view) { ++lines; }));
  uint64_t kept = 0;
  std::string text = "\n";
  SYNC_TRY(for_each_record([&](VersionRecord&& record) {
    // A reservation that is not filled yet belongs to a batch that is being applied.
    const bool reserved = record.time_ns >= now_ns - kReservedFor;
    if (gone.contains(record.id) || (!reserved && !present(record))) return;
    text += format_version_line(record) + "\n";
    ++kept;
  }));
  if (gone.empty() && lines - kept < kWorthCompacting + kept / 4) return {};
  return replace_file_at(dir_fd_, kIndex, text);
}

}  // namespace twsync
