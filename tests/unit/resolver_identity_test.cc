#include <gtest/gtest.h>

#include "workers/resolver/identity.h"

namespace twsync {
namespace {

using Action = IdentityDecision::Action;

BaseMeta base(uint64_t epoch, uint64_t completed = 3) {
  BaseMeta m;
  m.pair_id = "p";
  m.epoch = epoch;
  m.completed = completed;
  return m;
}

SideFacts side(std::vector<Marker> markers) {
  SideFacts f;
  f.host = "h";
  f.root_path = "/r";
  f.markers = std::move(markers);
  return f;
}

SideFacts code(uint64_t epoch) {
  return side({{"p", Side::code, epoch}});
}
SideFacts deploy(uint64_t epoch) {
  return side({{"p", Side::deploy, epoch}});
}

TEST(Identity, markers_that_fit_the_base_proceed_with_the_epoch_after_its_own) {
  for (const auto& [c, d] : {std::pair{5u, 5u}, {6u, 5u}, {5u, 6u}, {6u, 6u}}) {
    const auto decision = decide_identity(base(5), code(c), deploy(d), false);
    EXPECT_EQ(decision.action, Action::proceed);
    EXPECT_EQ(decision.epoch, 6u) << "however often a claim ended before its base was written";
    EXPECT_EQ(decision.reason, "");
  }
}

TEST(Identity, a_missing_marker_stops) {
  EXPECT_EQ(decide_identity(base(5), side({}), deploy(5), false).action, Action::stop);
  const auto decision = decide_identity(base(5), code(5), side({{"other", Side::deploy, 5}}), false);
  EXPECT_EQ(decision.action, Action::stop);
  EXPECT_EQ(decision.side, Side::deploy);
}

TEST(Identity, a_marker_behind_the_base_stops) {
  EXPECT_EQ(decide_identity(base(5), code(4), deploy(5), false).action, Action::stop);
}

TEST(Identity, an_epoch_that_no_controller_reached_stops_and_approval_goes_on_from_the_others) {
  EXPECT_EQ(decide_identity(base(5), code(5), deploy(UINT64_MAX), false).action, Action::stop);
  const auto approved = decide_identity(base(5), code(6), deploy(UINT64_MAX), true);
  EXPECT_EQ(approved.action, Action::union_merge);
  EXPECT_EQ(approved.epoch, 7u);
}

TEST(Identity, swapped_roots_stop) {
  EXPECT_EQ(decide_identity(base(5), deploy(5), code(5), false).action, Action::stop);
}

TEST(Identity, an_old_base_is_merged_without_deletions) {
  const auto decision = decide_identity(base(2), code(9), deploy(9), false);
  EXPECT_EQ(decision.action, Action::union_merge);
  EXPECT_EQ(decision.pair_id, "p");
  EXPECT_EQ(decision.epoch, 10u);
  EXPECT_NE(decision.reason.find("older than the roots"), std::string::npos);
}

TEST(Identity, a_lost_base_adopts_the_pair_both_roots_carry) {
  const auto decision = decide_identity(BaseMeta{}, code(7), deploy(6), false);
  EXPECT_EQ(decision.action, Action::union_merge);
  EXPECT_EQ(decision.pair_id, "p");
  EXPECT_EQ(decision.epoch, 8u);
}

TEST(Identity, new_roots_get_a_new_pair) {
  const auto decision =
      decide_identity(BaseMeta{}, side({{"a", Side::code, 3}}), side({{"b", Side::deploy, 4}}), false);
  EXPECT_EQ(decision.action, Action::union_merge);
  EXPECT_EQ(decision.pair_id, "");
  EXPECT_EQ(decision.epoch, 1u);
}

TEST(Identity, an_approved_stop_merges) {
  const auto decision = decide_identity(base(5), side({}), deploy(5), true);
  EXPECT_EQ(decision.action, Action::union_merge);
  EXPECT_EQ(decision.epoch, 6u);
}

TEST(Identity, a_pair_claimed_but_never_recorded_does_not_stop) {
  EXPECT_EQ(decide_identity(base(1, 0), code(1), side({}), false).action, Action::union_merge);
}

}  // namespace
}  // namespace twsync
