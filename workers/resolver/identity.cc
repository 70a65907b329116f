#include "workers/resolver/identity.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"

namespace twsync {

namespace {

using Action = IdentityDecision::Action;

// An epoch grows by one an hour: a marker beyond this was not written by a controller, and must not make it overflow.
constexpr uint64_t kMaxEpoch = uint64_t{1} << 62U;

std::optional<Marker> marker_of(const SideFacts& facts, const std::string& pair_id) {
  for (const Marker& m : facts.markers) {
    if (m.pair_id == pair_id && m.epoch <= kMaxEpoch) return m;
  }
  return std::nullopt;
}

/// The pair id that both roots carry with the right roles: what is left of a pair whose base was lost.
std::string shared_pair_id(const SideFacts& code, const SideFacts& deploy) {
  for (const Marker& m : code.markers) {
    const auto there = marker_of(deploy, m.pair_id);
    if (there && m.role == Side::code && there->role == Side::deploy) return m.pair_id;
  }
  return {};
}

uint64_t highest_epoch(const SideFacts& code, const SideFacts& deploy, const std::string& pair_id) {
  uint64_t highest = 0;
  for (const SideFacts* facts : {&code, &deploy}) {
    if (const auto m = marker_of(*facts, pair_id)) highest = std::max(highest, m->epoch);
  }
  return highest;
}

IdentityDecision merge_under(const std::string& pair_id, uint64_t epoch, std::string reason) {
  IdentityDecision d;
  d.action = Action::union_merge;
  d.pair_id = pair_id;
  d.epoch = epoch;
  d.reason = std::move(reason);
  return d;
}

IdentityDecision stop(Side side, std::string reason) {
  IdentityDecision d;
  d.action = Action::stop;
  d.side = side;
  d.reason = std::move(reason);
  return d;
}

std::optional<IdentityDecision> check_side(Side side, const BaseMeta& base, const SideFacts& facts) {
  const auto marker = marker_of(facts, base.pair_id);
  const std::string root = str("the ", to_string(side), " server's root ", facts.host, ":", facts.root_path);
  if (!marker) {
    return stop(
        side,
        root +
            " does not carry this pair's marker: it was replaced, emptied or is not mounted. Nothing was changed. "
            "If it is right as it is, approve it and both sides are merged without deleting anything");
  }
  if (marker->role != side)
    return stop(side, root + " is marked as the other side of this pair: the two roots are swapped");
  if (marker->epoch < base.epoch) {
    return stop(side,
                root +
                    " was rolled back to an older state. Nothing was changed. If that was meant, approve it and both "
                    "sides are merged without deleting anything");
  }
  return std::nullopt;
}

}  // namespace

IdentityDecision decide_identity(const BaseMeta& base, const SideFacts& code, const SideFacts& deploy, bool rehome) {
  if (base.pair_id.empty()) {
    const std::string id = shared_pair_id(code, deploy);
    return merge_under(id, highest_epoch(code, deploy, id) + 1,
                       id.empty() ? "" : "the record of what both sides agreed on is gone");
  }
  const uint64_t highest = std::max(highest_epoch(code, deploy, base.pair_id), base.epoch);
  if (rehome) return merge_under(base.pair_id, highest + 1, "it was approved that the roots are right as they are");
  // Claimed but never recorded: there is nothing yet that a missing marker could endanger.
  if (base.completed == 0) return merge_under(base.pair_id, highest + 1, "no sync of this pair came to its end yet");
  for (const Side side : {Side::code, Side::deploy}) {
    if (auto stopped = check_side(side, base, side == Side::code ? code : deploy)) return *stopped;
  }
  if (highest > base.epoch + 1) {
    return merge_under(base.pair_id, highest + 1,
                       str("the record of what both sides agreed on is older than the roots (", base.epoch, ", but ",
                           highest, " in their markers)"));
  }
  IdentityDecision d;
  d.action = Action::proceed;
  d.pair_id = base.pair_id;
  // A marker ahead is a claim that ended before its base was written, and so before any batch went out under it: nobody
  // is left whom an equal epoch would let pass. A higher one each time would make the base look old.
  d.epoch = base.epoch + 1;
  return d;
}

}  // namespace twsync
