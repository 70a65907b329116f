// Of a pair's session: both roots are this controller's alone.

#include <algorithm>

#include "workers/scanner/pair_session.h"

namespace twsync {

namespace {

std::vector<std::string> other_pairs(const SideFacts& facts, const std::string& pair_id) {
  std::vector<std::string> ids;
  for (const Marker& marker : facts.markers) {
    if (marker.pair_id != pair_id) ids.push_back(marker.pair_id);
  }
  return ids;
}

}  // namespace

Result<std::string> PairSession::claim(const ScanTask& task) {
  SYNC_TRY(ensure_sides(task));
  // Both locks before either marker: one that was raised and not followed by a base is a step towards an old base.
  SYNC_TRY(code_->lock(task.pair_id, task.holder));
  Claim claim{{task.pair_id, Side::deploy, task.epoch}, task.holder, task.hash_key};
  SYNC_TRY(deploy_->claim(claim));
  claim.marker.role = Side::code;
  SYNC_TRY(code_->claim(claim));
  SYNC_TRY(exclude_others(task));
  if (!sinks_.hints) return std::string{};
  // Armed before the first listing: what changes in between is hinted.
  SYNC_TRY(refresh_ignores(task));
  SYNC_TRY(watch_deploy());
  return std::string{};
}

/// Whoever controls the same two roots under another id (I11). The markers are read after both claims: of two that
/// claim at once, at least the later one sees the other's.
Status PairSession::exclude_others(const ScanTask& task) {
  if (alone_) return {};
  SYNC_ASSIGN(const SideFacts here, code_->facts());
  std::vector<std::string> others = other_pairs(here, task.pair_id);
  if (!others.empty()) {
    SYNC_ASSIGN(const SideFacts there, deploy_->facts());
    const std::vector<std::string> shared = other_pairs(there, task.pair_id);
    std::erase_if(others, [&](const auto& id) { return std::find(shared.begin(), shared.end(), id) == shared.end(); });
  }
  for (const std::string& id : others) {
    const Status excluded = code_->exclude(id, task.holder);
    if (excluded.ok() || excluded.error().code != ErrorCode::busy) continue;
    // Of two that see each other one gives way; an id that was never used is given up for the other's.
    if (task.fresh || id < task.pair_id) yield(task.fresh);
    return excluded;
  }
  alone_ = true;
  return {};
}

void PairSession::yield(bool forget) {
  if (forget) {
    (void)code_->forget();
    (void)deploy_->forget();
  }
  code_.reset();
  deploy_.reset();
}

}  // namespace twsync
