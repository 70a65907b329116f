#include "workers/resolver/resolve_request.h"

#include <algorithm>

#include "common/base/text.h"
#include "workers/resolver/recorder.h"

namespace twsync {

namespace {

Error no_such_item(const std::string& id) {
  return {ErrorCode::usage,
          str("nothing is parked under the id '", escape_bytes(id), "' (any more): see `twsync status`"),
          {},
          0};
}

Result<ParkedRecord> find_parked(PairWork& work, const std::string& id) {
  SYNC_ASSIGN(const auto items, work.base->parked());
  const auto found = std::find_if(items.begin(), items.end(), [&](const ParkedRecord& r) { return r.is_named(id); });
  if (found == items.end()) return no_such_item(id);
  return *found;
}

Status take_side(const Request& request, PairWork& work, CycleOrder& order) {
  SYNC_ASSIGN(const auto conflict, work.base->conflict(request.item));
  if (!conflict || !conflict->open) return no_such_item(request.item);
  if (request.choice == "code") {
    order.policy = ConflictPolicy::code_server;
  } else if (request.choice == "deploy") {
    order.policy = ConflictPolicy::deploy_server;
  } else {
    return Error{
        ErrorCode::usage, "take `code` or `deploy`; the other version is kept in the version store either way", {}, 0};
  }
  order.only.push_back({conflict->path, true});
  order.decided = conflict->path;
  return {};
}

Status approve(const Request& request, PairWork& work, CycleOrder& order) {
  order.full = true;
  if (request.item.starts_with("r-")) return {};  // the roots were taken as they are when the pair was opened
  SYNC_ASSIGN(const ParkedRecord item, find_parked(work, request.item));
  if (item.reason != ParkedReason::mass_deletion) return {};  // tried again by the whole cycle that follows
  std::vector<ApprovedDeletion> shown;
  for (const std::string& path : item.paths_of(request.item)) shown.push_back({path, item.version_of(path)});
  std::sort(shown.begin(), shown.end(), [](const auto& a, const auto& b) { return compare_paths(a.path, b.path) < 0; });
  (item.side == Side::code ? order.approved_code : order.approved_deploy) = std::move(shown);
  return {};
}

Status reject(const Request& request, PairWork& work, CycleOrder& order) {
  SYNC_ASSIGN(const ParkedRecord item, find_parked(work, request.item));
  if (item.reason != ParkedReason::mass_deletion) {
    return Error{ErrorCode::usage, "only parked deletions can be rejected; this item is tried again by itself", {}, 0};
  }
  // Without its row a path is first contact: what still stands on one side is carried to the other.
  Policy policy;
  policy.preserve_owner = work.preserve_owner();
  policy.preserve_xattrs = work.config.preserve_xattrs;
  Recorder recorder(*work.base, work.pending, policy, work.meta.round);
  SYNC_TRY(work.base->begin(true));
  const std::vector<std::string> shown = item.paths_of(request.item);
  for (const auto& path : shown) SYNC_TRY(recorder.forget(path));
  // What joined later is undecided still; the cycle that follows writes the item as it is then.
  if (shown.size() == item.paths.size()) SYNC_TRY(work.base->drop_parked(item.id));
  order.full = true;
  return work.base->commit();
}

}  // namespace

Status prepare_decision(const Request& request, PairWork& work, CycleOrder& order) {
  switch (request.kind) {
    case RequestKind::resolve:
      return take_side(request, work, order);
    case RequestKind::approve:
      return approve(request, work, order);
    case RequestKind::reject:
      return reject(request, work, order);
    default:
      return Error{ErrorCode::unsupported, "this broker does not know that request", {}, 0};
  }
}

}  // namespace twsync
