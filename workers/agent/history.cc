#include "workers/agent/history.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/rel_path.h"
#include "workers/agent/listing_check.h"
#include "workers/agent/restorer.h"

namespace twsync {
namespace {

constexpr size_t kReplyBytes = 4U << 20U;  // of one reply: far below a frame
constexpr size_t kReadAtOnce = 1U << 20U;

size_t size_bound(const VersionRecord& record) {
  return 256 + record.path.size() + record.entry.target.size() + record.entry.xattrs.str().size();
}

// Where we may give files away, what comes back belongs to whom it belonged.
RootOptions as_it_was(RootOptions options) {
  options.preserve_owner = options.preserve_owner || ::geteuid() == 0;
  return options;
}

}  // namespace

Result<std::unique_ptr<History>> History::open(const RootOptions& options, LocalSide& side, Clock& clock) {
  // StateDir makes what is missing, and a root that isn't the pair's must stay as it is (I14).
  const auto markers = read_markers(side.root());
  const auto ours = [&options](const Marker& marker) { return marker.pair_id == options.pair_id; };
  if (std::none_of(markers.begin(), markers.end(), ours))
    return Error{ErrorCode::not_found, "no marker of this pair: the root is not mounted, or another directory",
                 options.root, 0};
  SYNC_ASSIGN(StateDir state, StateDir::open(side.root(), options.pair_id));
  std::unique_ptr<History> history(new History(as_it_was(options), side, clock, std::move(state)));
  SYNC_ASSIGN(history->store_, VersionStore::open(history->state_.versions(), clock));
  return history;
}

Result<VersionsReply> History::versions(const VersionsRequest& request) const {
  if (!is_peer_path(request.path)) return Error{ErrorCode::usage, "not a path that can have versions", request.path, 0};
  SYNC_ASSIGN(std::vector<VersionRecord> kept, store_->list(request.path));
  if (!request.before.empty())
    std::erase_if(kept, [&](const VersionRecord& record) { return record.id >= request.before; });
  VersionsReply reply;
  size_t bytes = 0;
  for (size_t i = kept.size(); i > 0 && reply.versions.size() < request.limit && bytes < kReplyBytes; --i) {
    bytes += size_bound(kept[i - 1]);
    reply.versions.push_back(to_info(kept[i - 1]));
  }
  reply.more = reply.versions.size() < kept.size();
  return reply;
}

Result<RestoreReply> History::restore(const RestoreRequest& request) {
  SYNC_ASSIGN(const VersionRecord version, store_->find(request.version));
  RestoreTreeRequest tree;
  tree.only_missing = false;
  tree.items.push_back({request.version, request.path});
  std::vector<RestoreStep> steps{RestoreStep::contents};
  if (version.entry.is_directory()) steps = {RestoreStep::directories, RestoreStep::finish};
  for (const RestoreStep step : steps) {
    tree.step = step;
    SYNC_ASSIGN(RestoreTreeReply done, restore_tree(tree));
    if (!done.failed.empty()) return std::move(done.failed.front());
  }
  RestoreReply reply;
  SYNC_ASSIGN(DigestReply now, side_.digest({{request.path}}));
  if (!now.entries.empty()) reply.entry = std::move(now.entries.front().entry);
  return reply;
}

Result<RestoreTreeReply> History::restore_tree(const RestoreTreeRequest& request) {
  return Restorer(options_, side_, state_, *store_, clock_).restore(request);
}

Result<std::string> History::read(const ReadVersionRequest& request) const {
  SYNC_ASSIGN(const UniqueFd fd, store_->open_source(request.version));
  std::string bytes(std::min<size_t>(request.size, kReadAtOnce), '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t n =
        ::pread(fd.get(), bytes.data() + got, bytes.size() - got, static_cast<off_t>(request.offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_from_errno(errno, "cannot read the version");
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace twsync
