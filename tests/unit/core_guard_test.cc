// The mass-deletion guard (R80-R82) and the coalescing of hints.

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/core/coalesce.h"
#include "common/core/guard.h"
#include "common/core/store_limit.h"

namespace twsync {
namespace {

void add(Plan& plan, OpKind kind, Side side, std::string path, Kind expected = Kind::file) {
  Operation& op = plan.operations.emplace_back();
  op.id = static_cast<uint32_t>(plan.operations.size() - 1);
  op.kind = kind;
  op.side = side;
  op.path = std::move(path);
  op.expected.kind = expected;
}

Plan deletions(int count, Side side = Side::deploy) {
  Plan plan;
  for (int i = 0; i < count; ++i) add(plan, OpKind::remove, side, str("f", 10 + i));
  add(plan, OpKind::put_file, side, "other");
  return plan;
}

GuardInput input(uint64_t base_entries) {
  GuardInput in;
  in.base_entries = base_entries;
  return in;
}

TEST(Guard, R81_more_than_the_percentage) {
  Plan plan = deletions(50);
  EXPECT_FALSE(apply_guard(plan, {}, input(100)).tripped_deploy) << "exactly half flows";
  Plan more = deletions(51);
  const GuardVerdict verdict = apply_guard(more, {}, input(100));
  EXPECT_TRUE(verdict.tripped_deploy);
  EXPECT_FALSE(verdict.tripped_code);
  EXPECT_EQ(verdict.parked, 51u);
  ASSERT_EQ(more.operations.size(), 1u);
  EXPECT_EQ(more.operations[0].path, "other");
  EXPECT_EQ(more.operations[0].id, 0u);
  EXPECT_EQ(more.parked.size(), 51u);
  EXPECT_EQ(more.parked[0].reason, ParkedReason::mass_deletion);
  EXPECT_EQ(more.parked[0].side, Side::deploy);
}

TEST(Guard, R81_a_few_never_trip_the_percentage) {
  Plan few = deletions(9);
  EXPECT_FALSE(apply_guard(few, {}, input(9)).tripped_deploy);
  Plan ten = deletions(10);
  EXPECT_TRUE(apply_guard(ten, {}, input(10)).tripped_deploy);
}

TEST(Guard, R85_an_emptied_side_trips_from_the_first_deletion_on) {
  GuardInput in = input(1);
  in.emptied_code = true;
  Plan plan = deletions(1);
  EXPECT_TRUE(apply_guard(plan, {}, in).tripped_deploy);
  EXPECT_EQ(plan.parked.size(), 1u);
  Plan itself = deletions(1, Side::code);
  EXPECT_FALSE(apply_guard(itself, {}, in).tripped_code) << "it is the other side's entries that would go";
  Plan unlimited = deletions(1);
  in.limits = {100, 0, 10};
  EXPECT_FALSE(apply_guard(unlimited, {}, in).tripped_deploy) << "both limits are off";
  in.limits = {};
  in.approved_deploy = {{"f10", 0}};
  Plan approved = deletions(1);
  EXPECT_FALSE(apply_guard(approved, {}, in).tripped_deploy);
}

TEST(Guard, R80_what_a_person_resolved_is_decided_with_all_below) {
  GuardInput in = input(60);
  in.resolved = "d";
  Plan plan;
  for (int i = 0; i < 40; ++i) add(plan, OpKind::remove, Side::deploy, str("d/f", i));
  add(plan, OpKind::put_file, Side::deploy, "d", Kind::directory);
  EXPECT_FALSE(apply_guard(plan, {}, in).tripped_deploy);
  EXPECT_EQ(plan.operations.size(), 41u);
  EXPECT_EQ(plan.operations[0].cause, LoserCause::approved_deletion) << "kept, and no sign of the next mishap";
  // What waits elsewhere doesn't keep it, nor does it carry anything else through.
  in.tripped_deploy = true;
  add(plan, OpKind::remove, Side::deploy, "dd");
  apply_guard(plan, {}, in);
  ASSERT_EQ(plan.parked.size(), 1u);
  EXPECT_EQ(plan.parked[0].path, "dd");
}

TEST(Guard, R80_what_came_back_by_an_unclean_stop_is_no_deletion) {
  Plan plan = deletions(60);
  for (Operation& op : plan.operations) op.cause = LoserCause::suspect;
  EXPECT_FALSE(apply_guard(plan, {}, input(60)).tripped_deploy);
  EXPECT_EQ(plan.operations.size(), 61u);
}

TEST(Guard, R81_the_count_alone) {
  GuardInput in = input(1'000'000);
  in.limits.count = 20;
  Plan plan = deletions(20);
  EXPECT_FALSE(apply_guard(plan, {}, in).tripped_deploy);
  Plan more = deletions(21);
  EXPECT_TRUE(apply_guard(more, {}, in).tripped_deploy);
  in.limits.count = 0;
  Plan off = deletions(21);
  EXPECT_FALSE(apply_guard(off, {}, in).tripped_deploy);
}

TEST(Guard, R81_counts_across_cycles_per_side) {
  DeletionWindow window;
  window.add(Side::deploy, 45, 1000);
  GuardInput in = input(55);  // the 45 are gone from the base
  in.now_ns = 1000 + DeletionWindow::kWindowNs - 1;
  Plan plan = deletions(10);
  EXPECT_TRUE(apply_guard(plan, window, in).tripped_deploy);
  Plan half = deletions(5);
  EXPECT_FALSE(apply_guard(half, window, in).tripped_deploy) << "50 of 100";
  Plan other_side = deletions(10, Side::code);
  EXPECT_FALSE(apply_guard(other_side, window, in).tripped_code);
  in.now_ns += 1;
  Plan later = deletions(10);
  EXPECT_FALSE(apply_guard(later, window, in).tripped_deploy);
}

TEST(Guard, R81_an_undecided_set_takes_all_further_ones) {
  GuardInput in = input(1000);
  in.tripped_deploy = true;
  Plan plan = deletions(1);
  EXPECT_EQ(apply_guard(plan, {}, in).parked, 1u);
  Plan nothing;
  EXPECT_TRUE(apply_guard(nothing, {}, in).tripped_deploy) << "it stays tripped until it is decided";
}

TEST(Guard, R80_renames_do_not_count) {
  Plan plan;
  for (int i = 0; i < 60; ++i) add(plan, OpKind::rename, Side::deploy, str("f", i));
  EXPECT_FALSE(apply_guard(plan, {}, input(100)).tripped_deploy);
}

TEST(Guard, R82_exactly_the_approved_ones_go) {
  GuardInput in = input(20);
  in.tripped_deploy = true;
  in.approved_deploy = {{"f10"}, {"f11"}};
  Plan plan = deletions(15);
  const GuardVerdict verdict = apply_guard(plan, {}, in);
  EXPECT_EQ(verdict.parked, 13u);
  ASSERT_EQ(plan.operations.size(), 3u);
  EXPECT_EQ(plan.operations[0].path, "f10");
  EXPECT_EQ(plan.operations[0].cause, LoserCause::approved_deletion);
}

TEST(Guard, R84_an_approval_holds_for_what_was_shown) {
  GuardInput in = input(20);
  in.tripped_deploy = true;
  Plan plan = deletions(4);
  in.approved_deploy = {{"f10", entry_version(plan.operations[0].expected)},
                        {"f11", entry_version(plan.operations[1].expected)},
                        {"f12"},
                        {"f13"}};
  plan.operations[1].expected.stamp.ctime_ns += 1;
  plan.operations[2].cause = LoserCause::edit_deleted;
  plan.operations[3].cause = LoserCause::conflict;
  EXPECT_EQ(apply_guard(plan, {}, in).parked, 3u);
  ASSERT_EQ(plan.operations.size(), 2u);
  EXPECT_EQ(plan.operations[0].path, "f10");
}

TEST(Guard, R84_a_shown_edit_may_be_approved) {
  GuardInput in = input(20);
  in.tripped_deploy = true;
  Plan plan = deletions(1);
  plan.operations[0].cause = LoserCause::edit_deleted;
  in.approved_deploy = {{"f10", entry_version(plan.operations[0].expected)}};
  EXPECT_EQ(apply_guard(plan, {}, in).parked, 0u);
}

TEST(Guard, R82_what_needs_a_parked_deletion_waits_silently) {
  GuardInput in = input(20);
  in.tripped_deploy = true;
  in.approved_deploy = {{"d"}, {"e"}};
  Plan plan;
  add(plan, OpKind::remove, Side::deploy, "d/f");
  add(plan, OpKind::remove, Side::deploy, "k/f");
  add(plan, OpKind::put_file, Side::deploy, "k", Kind::directory);
  add(plan, OpKind::put_file, Side::code, "k", Kind::directory);
  add(plan, OpKind::remove_directory, Side::deploy, "d", Kind::directory);
  add(plan, OpKind::remove_directory, Side::deploy, "e", Kind::directory);
  EXPECT_EQ(apply_guard(plan, {}, in).parked, 2u);
  ASSERT_EQ(plan.operations.size(), 2u);
  EXPECT_EQ(plan.operations[0].side, Side::code);
  EXPECT_EQ(plan.operations[1].path, "e");
  EXPECT_EQ(plan.parked.size(), 2u);
}

TEST(StoreLimit, R83_what_would_displace_waits_and_the_rest_flows) {
  Plan plan;
  add(plan, OpKind::make_directory, Side::deploy, "file-to-directory");
  add(plan, OpKind::make_directory, Side::deploy, "new-directory", Kind::none);
  add(plan, OpKind::rename, Side::deploy, "renamed");
  add(plan, OpKind::put_file, Side::deploy, "edited");
  add(plan, OpKind::put_file, Side::deploy, "file-to-directory/below", Kind::none);
  add(plan, OpKind::put_file, Side::deploy, "new", Kind::none);
  add(plan, OpKind::put_file, Side::code, "edited-there");
  add(plan, OpKind::set_metadata, Side::deploy, "touched");
  add(plan, OpKind::remove, Side::deploy, "d/deleted");
  add(plan, OpKind::remove_directory, Side::deploy, "d", Kind::directory);
  add(plan, OpKind::remove_directory, Side::deploy, "empty", Kind::directory);
  plan.conflicts.push_back({"edited", "R20", {}, {}, ConflictWinner::code});
  plan.conflicts.push_back({"new", "R20", {}, {}, ConflictWinner::code});
  EXPECT_EQ(withhold_displacing(plan, Side::deploy), 3u);
  std::string flows;
  for (const Operation& op : plan.operations) flows += op.path + " ";
  EXPECT_EQ(flows, "new-directory renamed new edited-there touched empty ");
  EXPECT_EQ(plan.operations.back().id, 5u);
  ASSERT_EQ(plan.parked.size(), 3u);
  EXPECT_EQ(plan.parked[0].reason, ParkedReason::versions_full);
  ASSERT_EQ(plan.conflicts.size(), 1u);
  EXPECT_EQ(plan.conflicts[0].path, "new");
}

TEST(StoreLimit, R83_a_group_waits_as_a_whole) {
  Plan plan;
  add(plan, OpKind::put_file, Side::deploy, "first", Kind::none);
  add(plan, OpKind::link, Side::deploy, "second");
  add(plan, OpKind::put_file, Side::deploy, "third", Kind::none);
  plan.operations[0].group = plan.operations[1].group = 1;
  EXPECT_EQ(withhold_displacing(plan, Side::deploy), 1u);
  ASSERT_EQ(plan.operations.size(), 1u);
  EXPECT_EQ(plan.operations[0].path, "third");
  EXPECT_EQ(plan.operations[0].id, 0u);
}

TEST(Guard, WindowStaysSmall) {
  DeletionWindow window;
  for (int64_t i = 0; i < 100'000; ++i) window.add(Side::code, 1, i * 10'000'000);
  EXPECT_LE(window.items().size(), 1200u);
  EXPECT_GE(window.count(Side::code, 99'999 * 10'000'000LL), 59'900u);
}

std::string shown(const HintSet& hints, Side side = Side::code) {
  std::string out;
  for (const auto& scope : hints.scopes(side)) out += scope.path + (scope.recursive ? "/** " : " ");
  return out;
}

TEST(HintSet, ParentsSwallowChildren) {
  HintSet hints;
  hints.add(Side::code, "a/b", false);
  hints.add(Side::code, "a/b", false);
  hints.add(Side::code, "a-b", false);
  hints.add(Side::code, "a", false);
  EXPECT_EQ(shown(hints), "a a/b a-b ");
  hints.add(Side::code, "a", true);
  EXPECT_EQ(shown(hints), "a/** a-b ");
  hints.add(Side::code, "a/c/d", true);
  EXPECT_EQ(shown(hints), "a/** a-b ");
  hints.add(Side::code, "", true);
  EXPECT_EQ(shown(hints), "/** ");
  EXPECT_EQ(shown(hints, Side::deploy), "");
}

TEST(HintSet, RecursiveStaysRecursive) {
  HintSet hints;
  hints.add(Side::code, "a", true);
  hints.add(Side::code, "a", false);
  EXPECT_EQ(shown(hints), "a/** ");
}

TEST(HintSet, MovedPairKeepsBothPlaces) {
  HintSet hints;
  Hint hint;
  hint.side = Side::deploy;
  hint.path = "new";
  hint.moved_from = "old";
  hint.is_move = true;
  hints.add(hint);
  EXPECT_EQ(shown(hints, Side::deploy), "new/** old/** ");
}

TEST(HintSet, CollapsesToTheDeepestCover) {
  HintSet hints(3);
  for (const char* path : {"d/e/a", "d/e/b", "d/e/c"}) hints.add(Side::code, path, false);
  EXPECT_EQ(hints.size(), 3u);
  hints.add(Side::code, "d/e/d", false);
  EXPECT_EQ(shown(hints), "d/e/** ");
  HintSet wide(1);
  wide.add(Side::code, "a", false);
  wide.add(Side::code, "b", false);
  EXPECT_EQ(shown(wide), "/** ");
}

TEST(HintSet, WhatIsTooLongStandsForTheDirectoryAbove) {
  const std::string most(65'536, 'd');
  HintSet hints;
  hints.add(Side::code, most + "/below", false);
  hints.add(Side::code, most, false);
  ASSERT_EQ(hints.size(), 1u);
  EXPECT_EQ(hints.scopes(Side::code)[0].path, most);
}

TEST(HintSet, Merges) {
  HintSet a;
  HintSet b;
  a.add(Side::code, "x/y", false);
  b.add(Side::code, "x", true);
  b.add(Side::deploy, "z", false);
  a.merge(b);
  EXPECT_EQ(shown(a), "x/** ");
  EXPECT_EQ(shown(a, Side::deploy), "z ");
}

}  // namespace
}  // namespace twsync
