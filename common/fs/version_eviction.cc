#include <fcntl.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <unordered_map>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/fs/file_io.h"
#include "common/fs/file_stat.h"
#include "common/fs/flock_guard.h"
#include "common/fs/remove_tree.h"
#include "common/fs/version_store.h"

namespace twsync {

namespace {

constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kReservedFor = 3'600 * kSecond;

uint64_t byte_limit(int dir_fd, const VersionLimits& limits) {
  if (limits.keep_bytes != 0) return limits.keep_bytes;
  struct statvfs space;
  if (::fstatvfs(dir_fd, &space) != 0) return UINT64_MAX;
  return static_cast<uint64_t>(space.f_blocks) * space.f_frsize / 10;
}

uint64_t stored_bytes(int dir_fd, const std::string& id) {
  FileStat stat;
  return stat_at(dir_fd, id.c_str(), stat) == 0 ? stat.blocks * 512 : 0;
}

// Ordinary versions beyond the last few of their path that lie too close to a newer one that stays.
std::vector<bool> too_dense(const std::vector<VersionRecord>& versions, const VersionLimits& limits) {
  std::vector<bool> out(versions.size(), false);
  struct PathState {
    uint32_t kept = 0;
    int64_t newest_kept_ns = 0;
  };
  std::unordered_map<std::string_view, PathState> paths;
  for (size_t i = versions.size(); i-- > 0;) {
    if (is_precious(versions[i].cause)) continue;
    PathState& path = paths[versions[i].path];
    const bool spaced = path.newest_kept_ns - versions[i].time_ns >= limits.spacing_ns;
    if (path.kept >= limits.keep_last && !spaced) {
      out[i] = true;
      continue;
    }
    ++path.kept;
    path.newest_kept_ns = versions[i].time_ns;
  }
  return out;
}

}  // namespace

Result<EvictionReport> VersionStore::evict(const VersionLimits& limits) {
  SYNC_ASSIGN(const std::vector<VersionRecord> versions, list(""));
  const int64_t now = clock_.wall_ns();
  std::vector<bool> gone = too_dense(versions, limits);
  std::vector<uint64_t> sizes(versions.size());
  uint64_t total = 0;
  uint64_t precious = 0;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].time_ns < now - static_cast<int64_t>(limits.keep_days) * kDay) gone[i] = true;
    if (gone[i]) continue;
    sizes[i] = stored_bytes(dir_fd_, versions[i].id);
    total += sizes[i];
    if (is_precious(versions[i].cause)) precious += sizes[i];
  }
  const uint64_t limit = byte_limit(dir_fd_, limits);
  for (size_t i = 0; i < versions.size() && total > limit; ++i) {
    if (gone[i] || is_precious(versions[i].cause)) continue;
    gone[i] = true;
    total -= sizes[i];
  }
  EvictionReport report{0, total, precious > limit};
  for (size_t i = 0; i < versions.size(); ++i) {
    if (gone[i] && remove_tree_at(dir_fd_, versions[i].id).ok()) ++report.removed;
  }
  SYNC_TRY(drop_stray_copies(now));
  SYNC_TRY(compact(now));
  return report;
}

// Copies of linked files that a crash left half made. A live one is renamed to its id within moments.
Status VersionStore::drop_stray_copies(int64_t now_ns) {
  SYNC_ASSIGN(const std::vector<std::string> names, names_in(dir_fd_));
  for (const std::string& name : names) {
    FileStat stat;
    if (!name.starts_with(kCopyPrefix) || stat_at(dir_fd_, name.c_str(), stat) != 0) continue;
    if (stat.ctime_ns < now_ns - kReservedFor) SYNC_TRY(remove_tree_at(dir_fd_, name));
  }
  return {};
}

Status VersionStore::compact(int64_t now_ns) {
  std::lock_guard lock(mutex_);
  SYNC_TRY(reopen_if_replaced());
  const FlockGuard guard(index_.get(), LOCK_EX);
  std::map<std::string, VersionRecord> by_id;
  uint64_t lines = 0;
  SYNC_TRY(for_each_line([&](VersionRecord&& record) {
    ++lines;
    std::string id = record.id;
    by_id.insert_or_assign(std::move(id), std::move(record));
  }));
  // A reservation that is not filled yet belongs to a batch that is being applied.
  std::erase_if(by_id,
                [&](const auto& item) { return !present(item.first) && item.second.time_ns < now_ns - kReservedFor; });
  if (by_id.size() == lines) return {};
  std::string text = "\n";
  for (const auto& [id, record] : by_id) text += format_version_line(record) + "\n";
  return replace_file_at(dir_fd_, "index", text);
}

}  // namespace twsync
