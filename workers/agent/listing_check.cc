#include "workers/agent/listing_check.h"

#include <algorithm>

#include "common/base/max_path.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {
namespace {

constexpr size_t kMaxTarget = 4096;

Error lie(const char* what, std::string_view path) {
  return Error{ErrorCode::peer_violation, what, std::string(path), 0};
}

bool covers(const Scope& scope, std::string_view path) {
  return scope.recursive ? is_at_or_below(path, scope.path) : path == scope.path;
}

}  // namespace

bool is_peer_path(std::string_view path) {
  return path.size() <= kMaxPath && is_valid_rel_path(path) && !is_at_or_below(path, ".twsync");
}

bool is_version_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && id.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

void make_printable(std::string& words) {
  std::string plain = words;
  std::replace(plain.begin(), plain.end(), '\\', '/');  // it quotes paths, escaped over there
  if (escape_bytes(plain) != plain) words = escape_bytes(words);
}

Status check_peer_entry(const PathEntry& listed) {
  const Entry& entry = listed.entry;
  if (entry.kind < Kind::file || entry.kind > Kind::other) return lie("the peer listed an unknown kind", listed.path);
  if (entry.mode > 07777) return lie("the peer listed an impossible mode", listed.path);
  if (entry.digest.algorithm > DigestAlgorithm::xxh3_128_keyed)
    return lie("the peer listed an unknown digest", listed.path);
  const bool target_fits = entry.is_symlink() ? !entry.target.empty() && entry.target.size() <= kMaxTarget &&
                                                    entry.target.find('\0') == std::string::npos
                                              : entry.target.empty();
  if (!target_fits) return lie("the peer listed an impossible link target", listed.path);
  if (entry.is_file() && entry.size > static_cast<uint64_t>(INT64_MAX))
    return lie("the peer listed an impossible size", listed.path);
  return {};
}

Status ListingCheck::entries(const std::vector<PathEntry>& entries) {
  for (const PathEntry& one : entries) SYNC_TRY(entry(one));
  return {};
}

Status ListingCheck::entry(const PathEntry& listed) {
  if (!is_peer_path(listed.path)) return lie("the peer listed an invalid path", listed.path);
  if (any_ && compare_paths(last_, listed.path) >= 0) return lie("the peer listed out of order", listed.path);
  while (scope_ < scopes_.size() && !covers(scopes_[scope_], listed.path)) ++scope_;
  if (scope_ == scopes_.size()) return lie("the peer listed what was not asked for", listed.path);
  SYNC_TRY(check_peer_entry(listed));
  any_ = true;
  last_ = listed.path;
  return {};
}

bool ListingCheck::related(std::string_view path) const {
  const auto after = std::upper_bound(scopes_.begin(), scopes_.end(), path, [](std::string_view p, const Scope& scope) {
    return compare_paths(p, scope.path) < 0;
  });
  // Scopes are disjoint, so one that covers `path` is the last one at or before it; one below it comes right after.
  if (after != scopes_.begin() && covers(*std::prev(after), path)) return true;
  return after != scopes_.end() && is_below(after->path, path);
}

Status ListingCheck::notes(const ListEnd& notes) const {
  for (const Error& error : notes.unreadable) {
    if (!is_peer_path(error.path) || !related(error.path))
      return lie("the peer reported a path that was not asked for", error.path);
  }
  for (const std::string& path : notes.ignored) {
    if (!is_peer_path(path) || !related(path)) return lie("the peer ignored a path that was not asked for", path);
  }
  return {};
}

Status check_known(const ListRequest& request, const std::vector<uint32_t>& known) {
  const size_t asked = request.known.size() / kKnownRangeBytes;
  const bool each = std::all_of(known.begin(), known.end(), [asked](uint32_t n) { return n >= 1 && n <= asked; });
  return each ? Status{} : lie("the peer repeated a range that was not asked for", {});
}

Status check_digest_reply(const std::vector<std::string>& asked, const DigestReply& reply) {
  size_t next = 0;
  for (const PathEntry& read : reply.entries) {
    while (next < asked.size() && asked[next] != read.path) ++next;
    if (next++ == asked.size()) return lie("the peer read what was not asked for", read.path);
    if (read.entry.exists()) SYNC_TRY(check_peer_entry(read));
  }
  for (const Error& error : reply.failed) {
    if (std::find(asked.begin(), asked.end(), error.path) == asked.end())
      return lie("the peer failed on what was not asked for", error.path);
  }
  return {};
}

Status check_scopes(const std::vector<Scope>& scopes) {
  for (size_t i = 0; i < scopes.size(); ++i) {
    const Scope& scope = scopes[i];
    if (!is_peer_path(scope.path)) return Error{ErrorCode::usage, "not a path that can be listed", scope.path, 0};
    if (i == 0) continue;
    const Scope& before = scopes[i - 1];
    if (compare_paths(before.path, scope.path) >= 0 || covers(before, scope.path)) {
      return Error{ErrorCode::usage, "scopes out of order or overlapping", scope.path, 0};
    }
  }
  return {};
}

}  // namespace twsync
