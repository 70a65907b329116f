#include "producers/cli/restore_choice.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>

#include "common/base/clock.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr int64_t kOneDeletion = 600 * kSecond;

bool is_later(const KeptVersion& a, const KeptVersion& b) {
  return std::pair(a.version.stored_ns, std::string_view(a.version.id)) >
         std::pair(b.version.stored_ns, std::string_view(b.version.id));
}

// What a program wrote late, or may still write, stood nowhere: only its own id means it.
bool stood_there(const KeptVersion& kept) {
  const VersionInfo& version = kept.version;
  return !version.path.empty() && version.cause != LoserCause::late_write &&
         (version.copy.empty() || version.cause != LoserCause::ordinary);
}

// "2026-11-22T20:00:00Z", with or without a fraction.
std::optional<int64_t> parse_time(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  int64_t fraction = 0;
  if (*end == '.') {
    int64_t unit = kSecond;
    for (++end; *end >= '0' && *end <= '9' && unit > 1; ++end) fraction += (*end - '0') * (unit /= 10);
  }
  if (*end == 'Z') ++end;
  if (*end != '\0') return std::nullopt;
  return static_cast<int64_t>(::timegm(&parts)) * kSecond + fraction;
}

RestoreChoice one(KeptVersion version) {
  RestoreChoice choice;
  choice.only_missing = false;
  choice.versions.push_back(std::move(version));
  return choice;
}

RestoreChoice tree_of(std::map<std::string, KeptVersion, PathLess> by_path, bool only_missing, int64_t as_of_ns) {
  RestoreChoice choice;
  choice.tree = true;
  choice.only_missing = only_missing;
  choice.as_of_ns = as_of_ns;
  std::string file;
  for (auto& [path, version] : by_path) {
    // What lay below it, lay there at another time.
    if (!file.empty() && is_below(path, file)) continue;
    if (!version.version.entry.is_directory()) file = path;
    choice.versions.push_back(std::move(version));
  }
  return choice;
}

// `latest_first`.
RestoreChoice as_of(std::vector<KeptVersion> latest_first, int64_t time_ns) {
  std::map<std::string, KeptVersion, PathLess> by_path;
  for (KeptVersion& kept : latest_first) {
    if (kept.version.stored_ns < time_ns) break;
    if (!stood_there(kept)) continue;
    std::string path = kept.version.path;
    by_path.insert_or_assign(std::move(path), std::move(kept));
  }
  return tree_of(std::move(by_path), false, time_ns);
}

RestoreChoice last_deletion(std::vector<KeptVersion> latest_first) {
  std::map<std::string, KeptVersion, PathLess> by_path;
  int64_t last_ns = 0;
  for (KeptVersion& kept : latest_first) {
    if (kept.version.how == Displaced::replaced || !stood_there(kept)) continue;
    if (last_ns != 0 && last_ns - kept.version.stored_ns > kOneDeletion) break;
    last_ns = kept.version.stored_ns;
    std::string path = kept.version.path;
    by_path.emplace(std::move(path), std::move(kept));
  }
  return tree_of(std::move(by_path), true, last_ns);
}

// When the first of what went together with it went.
int64_t together_since(const std::vector<KeptVersion>& kept, const KeptVersion& with) {
  int64_t since = with.version.stored_ns;
  for (const KeptVersion& other : kept) {
    const bool together = other.side == with.side && other.version.epoch == with.version.epoch &&
                          other.version.cycle == with.version.cycle && with.version.cycle != 0;
    if (together) since = std::min(since, other.version.stored_ns);
  }
  return since;
}

}  // namespace

Result<RestoreChoice> choose_versions(std::vector<KeptVersion> kept, const std::string& path,
                                      const std::string& asked) {
  const Error none{ErrorCode::usage, "no such version is kept of this path; see twsync history", path, 0};
  std::sort(kept.begin(), kept.end(), is_later);
  if (asked.empty()) {
    const auto latest = std::find_if(kept.begin(), kept.end(), stood_there);
    if (latest == kept.end()) return none;
    if (latest->version.path == path && !latest->version.entry.is_directory()) return one(std::move(*latest));
    RestoreChoice choice = last_deletion(std::move(kept));
    if (choice.versions.empty()) {
      return Error{ErrorCode::usage,
                   "nothing that was deleted there is kept, only what was replaced: name a --version or a time", path,
                   0};
    }
    return choice;
  }
  const auto named =
      std::find_if(kept.begin(), kept.end(), [&](const KeptVersion& k) { return k.version.id == asked; });
  if (named != kept.end()) {
    if (named->version.path == path && !named->version.entry.is_directory()) return one(std::move(*named));
    const int64_t since = together_since(kept, *named);
    return as_of(std::move(kept), since);
  }
  const auto time = parse_time(asked);
  if (!time) return none;
  RestoreChoice choice = as_of(std::move(kept), *time);
  if (choice.versions.empty()) return Error{ErrorCode::usage, "nothing there was displaced since then", path, 0};
  return choice;
}

}  // namespace twsync
