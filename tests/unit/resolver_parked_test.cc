// Sets of parked deletions: what an id that was shown goes on to mean.

#include <gtest/gtest.h>

#include "workers/resolver/parked_items.h"

namespace twsync {
namespace {

ParkedRecord parked(const std::vector<std::string>& paths, const std::vector<ParkedRecord>& before = {}) {
  Plan plan;
  for (const auto& path : paths) plan.parked.push_back({ParkedReason::mass_deletion, Side::deploy, path, "deletion"});
  const auto records = parked_records(plan, {}, before, 7'000);
  EXPECT_EQ(records.size(), 1U);
  return records.at(0);
}

using Paths = std::vector<std::string>;

TEST(ParkedDeletions, an_id_means_the_set_that_was_shown_with_it) {
  const ParkedRecord first = parked({"b", "d"});
  const ParkedRecord more = parked({"a", "b", "c", "d"}, {first});
  EXPECT_NE(first.id, more.id);
  EXPECT_TRUE(more.is_named(first.id));
  EXPECT_TRUE(more.is_named(more.id));
  EXPECT_EQ(more.paths_of(first.id), (Paths{"b", "d"}));
  EXPECT_EQ(more.paths_of(more.id), (Paths{"a", "b", "c", "d"}));
  EXPECT_FALSE(first.is_named(more.id)) << "nobody was shown that many";
}

TEST(ParkedDeletions, what_left_the_set_is_not_meant_any_more_even_if_it_comes_back) {
  const ParkedRecord first = parked({"a", "b"});
  const ParkedRecord less = parked({"b"}, {first});
  EXPECT_EQ(less.paths_of(first.id), (Paths{"b"}));
  const ParkedRecord again = parked({"a", "b"}, {less});
  EXPECT_EQ(again.paths_of(first.id), (Paths{"b"}));
  EXPECT_EQ(again.paths_of(again.id), (Paths{"a", "b"}));
}

TEST(ParkedDeletions, what_changed_is_not_what_was_shown) {
  const auto of = [](uint64_t version, const std::vector<ParkedRecord>& before) {
    Plan plan;
    plan.parked.push_back({ParkedReason::mass_deletion, Side::deploy, "a", "deletion", 7});
    plan.parked.push_back({ParkedReason::mass_deletion, Side::deploy, "b", "deletion", version});
    return parked_records(plan, {}, before, 7'000).at(0);
  };
  const ParkedRecord first = of(8, {});
  EXPECT_EQ(first.version_of("b"), 8U);
  EXPECT_EQ(of(8, {first}).id, first.id);
  const ParkedRecord edited = of(9, {first});
  EXPECT_NE(edited.id, first.id);
  EXPECT_EQ(edited.paths_of(first.id), (Paths{"a"}));
  EXPECT_EQ(edited.version_of("b"), 9U);
}

TEST(ParkedDeletions, records_of_before_stay_what_they_are) {
  ParkedRecord old = parked({"a", "b"});
  old.versions.clear();
  Plan plan;
  for (const char* path : {"a", "b"}) plan.parked.push_back({ParkedReason::mass_deletion, Side::deploy, path, "", 5});
  const ParkedRecord now = parked_records(plan, {}, {old}, 9'000).at(0);
  EXPECT_EQ(now.id, old.id);
  EXPECT_EQ(now.version_of("a"), 0U) << "what was shown is not known";
}

TEST(ParkedDeletions, the_same_set_keeps_its_id) {
  const ParkedRecord first = parked({"a", "b"});
  EXPECT_EQ(parked({"b", "a"}, {first}).id, first.id);
}

TEST(ParkedDeletions, a_plan_of_one_part_leaves_what_is_parked_elsewhere) {
  const ParkedRecord first = parked({"a/1", "a/2", "b/1"});
  Plan part;
  for (const char* path : {"a/2", "a/3"})
    part.parked.push_back({ParkedReason::mass_deletion, Side::deploy, path, "deletion"});
  const auto elsewhere = [](Side, const std::string& path) { return !path.starts_with("a/"); };
  const auto all = parked_records(part, {}, {first}, 8'000, elsewhere);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].paths, (Paths{"a/2", "a/3", "b/1"})) << "a/1 is settled";
  EXPECT_EQ(all[0].paths_of(first.id), (Paths{"a/2", "b/1"}));
  EXPECT_EQ(parked_now(part, {}, all).size(), 1U);
  const auto untouched = parked_records({}, {}, {first}, 8'000, [](Side, const std::string&) { return true; });
  ASSERT_EQ(untouched.size(), 1U);
  EXPECT_EQ(untouched[0].id, first.id);
  EXPECT_TRUE(parked_now({}, {}, untouched).empty()) << "stored, but nothing that this run has to tell";
}

TEST(ParkedDeletions, other_ids_are_not_taken_for_it) {
  const ParkedRecord set = parked({"a"});
  for (const std::string id :
       {"", "-", "d", "d-1", "p123", "d0123456789-", "d0123456789-x", "d0123456789-99999999999999999999"})
    EXPECT_FALSE(set.is_named(id)) << id;
}

TEST(ParkedDeletions, what_waits_for_the_version_store_is_one_item_a_side) {
  Plan plan;
  for (const char* path : {"a", "b"}) plan.parked.push_back({ParkedReason::versions_full, Side::code, path, "x"});
  const auto records = parked_records(plan, {}, {}, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].paths.size(), 2U);
  EXPECT_NE(records[0].text.find("VERSIONS_KEEP_BYTES"), std::string::npos);
}

}  // namespace
}  // namespace twsync
