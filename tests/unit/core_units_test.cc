// Units (RULES.md R140-R148): base, edits, policy, and the plan that must come of it, with the groups that it forms.
// Every row is also carried out and must then be quiet with both sides equal.

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/core/guard.h"
#include "common/core/store_limit.h"
#include "common/core/units.h"
#include "tests/support/tree_literals.h"
#include "tests/unit/core_rule.h"

namespace twsync::testing {
namespace {

/// As describe(), "+" before what goes together with the line above.
std::string with_groups(const Plan& plan) {
  std::string out;
  uint32_t last = 0;
  for (const Operation& op : plan.operations) {
    out += str(op.group != 0 && op.group == last ? "+" : "", describe(op), "\n");
    last = op.group;
  }
  Plan rest = plan;
  rest.operations.clear();
  return out + describe(rest);
}

World world(const std::string& base, ConflictPolicy conflicts = ConflictPolicy::newer) {
  World w(base, conflicts);
  w.policy.units = {"u"};
  return w;
}

class UnitRules : public ::testing::TestWithParam<Rule> {};

TEST_P(UnitRules, Plan) {
  const Rule& rule = GetParam();
  World w = world(rule.base, rule.policy);
  edit(w, rule.edits);
  EXPECT_EQ(with_groups(w.plan()), rule.plan) << rule.base << " | " << rule.edits;
  EXPECT_EQ(w.converge(), "");
}

const Rule kWhole[] = {
    {"R140_no_rename_inside", "u/ u/a=1", "code rename u/a u/b", "deploy remove u/a\n+deploy put-file u/b\n"},
    {"R140_no_rename_out", "u/ u/a=1", "code rename u/a b", "deploy put-file b\ndeploy remove u/a\n"},
    {"R140_no_rename_into", "u/ a=1", "code rename a u/a", "deploy put-file u/a\ndeploy remove a\n"},
    {"R140_no_rename_of_a_directory_inside", "u/ u/d/ u/d/a=1", "code rename u/d u/e",
     "deploy make-directory u/e 755\ndeploy remove u/d/a\n+deploy put-file u/e/a\n"
     "deploy remove-directory u/d\ndeploy set-metadata u/e 755\n"},
    {"R140_moved_as_a_whole", "u/ u/a=1 u/b=2", "code rename u v", "deploy rename v from u\n"},
    {"R140_arrives_as_a_whole", "v/ v/a=1 v/b=2", "code rename v u; deploy write v/a 3; deploy write v/b 4",
     "deploy rename u from v\ncode put-file u/a\n+code put-file u/b\n"},
    {"R140_above_moves", "d/ u/ u/a=1", "code rename d e", "deploy rename e from d\n"},
    {"R141_edits_of_one_side", "u/ u/a=1 u/b=2 z=3", "code write u/a 4; code write u/b 5; code write z 6",
     "deploy put-file u/a\n+deploy put-file u/b\ndeploy put-file z\n"},
    {"R141_one_file_is_no_group", "u/ u/a=1", "code write u/a 2", "deploy put-file u/a\n"},
    {"R141_of_each_kind", "u/ u/a=1 u/b=2 u/c=3 u/l->x",
     "code write u/n 4; code write u/a 5; code erase u/b; "
     "code chmod u/c 600; code symlink u/l y",
     "deploy remove u/b\n+deploy put-file u/a\n+deploy put-symlink u/l\n+deploy put-file u/n\n"
     "+deploy set-metadata u/c 600\n"},
    {"R141_next_to_a_name_alike", "u/ u/a=1 u2/ u2/a=2 ub=3", "code write u/a 4; code write u2/a 5; code write ub 6",
     "deploy put-file u/a\ndeploy put-file u2/a\ndeploy put-file ub\n"},
    {"R141_new_unit", "", "code mkdir u; code write u/a 1; code mkdir u/d; code write u/d/b 2",
     "deploy make-directory u 755\ndeploy make-directory u/d 755\ndeploy put-file u/a\n+deploy put-file u/d/b\n"
     "deploy set-metadata u/d 755\ndeploy set-metadata u 755\n"},
    {"R141_deleted_unit", "u/ u/a=1 u/d/ u/d/b=2", "code erase u",
     "deploy remove u/d/b\n+deploy remove u/a\ndeploy remove-directory u/d\ndeploy remove-directory u\n"},
    {"R141_metadata_merges_apart", "u/ u/a=1 u/b=2 u/c=3",
     "code write u/a 4; code write u/b 5; deploy chmod u/c 600; deploy chmod u/a 640",
     "deploy put-file u/a\n+deploy put-file u/b\ncode set-metadata u/a 640\n+code set-metadata u/c 600\n"},
    {"R141_a_file_that_is_a_unit", "u=1", "code write u 2", "deploy put-file u\n"},
    {"R142_file_becomes_a_directory", "u/ u/a=1 u/b=2",
     "code erase u/a; code mkdir u/a; code write u/a/x 3; "
     "code mkdir u/a/d; code write u/b 4",
     "deploy make-directory u/a 755\n+deploy make-directory u/a/d 755\n+deploy put-file u/a/x\n+deploy put-file u/b\n"
     "deploy set-metadata u/a/d 755\ndeploy set-metadata u/a 755\n"},
    {"R142_directory_becomes_a_file", "u/ u/d/ u/d/e/ u/d/e/x=1 u/d/y=2 u/a=3", "code replace u/d 4; code write u/a 5",
     "deploy remove u/d/y\n+deploy remove u/d/e/x\n+deploy remove-directory u/d/e\n+deploy put-file u/a\n"
     "+deploy put-file u/d\n"},
    {"R142_a_directory_for_a_file_that_is_gone", "u/ u/a=1 u/b=2",
     "code erase u/a; code mkdir u/a; deploy erase u/a; code write u/b 3",
     "deploy make-directory u/a 755\n+deploy put-file u/b\ndeploy set-metadata u/a 755\nconflict R21 u/a code\n"},
    {"R142_the_unit_becomes_a_file", "u/ u/a=1 u/b=2", "code replace u 4",
     "deploy remove u/b\n+deploy remove u/a\n+deploy put-file u\n"},
    {"R142_a_directory_above_becomes_a_file", "d/ d/x=1", "code replace d 4", "deploy remove d/x\ndeploy put-file d\n"},
};

const Rule kContested[] = {
    {"R143_newer", "u/ u/a=1 u/b=2 u/c=3", "code write u/a 4; deploy write u/b 5; code write u/a 6",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\nconflict R143 u/b code\n"},
    {"R143_newer_mirrored", "u/ u/a=1 u/b=2 u/c=3", "code write u/a 4; deploy write u/b 5",
     "code put-file u/a (conflict)\n+code put-file u/b\nconflict R143 u/a deploy\n"},
    {"R143_code_server", "u/ u/a=1 u/b=2", "code write u/a 4; deploy write u/b 5",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\nconflict R143 u/b code\n", kCode},
    {"R143_equal_times", "u/ u/a=1 u/b=2",
     "code write u/a 4; deploy write u/b 5; code touch u/a 70; deploy touch u/b 70",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\nconflict R143 u/b code\n"},
    {"R143_implausible_counts_for_nothing", "u/ u/a=1 u/b=2",
     "code write u/a 4; deploy write u/b 5; deploy touch u/b 4000000000",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\nconflict R143 u/b code\n"},
    {"R143_an_edit_against_deletions", "u/ u/a=1 u/b=2", "code write u/a 4; deploy erase u/b",
     "deploy put-file u/b\n+deploy put-file u/a\n"},
    {"R143_deletion_wins_by_side", "u/ u/a=1 u/b=2", "code write u/a 4; deploy erase u/b",
     "code put-file u/a (conflict)\n+code remove u/b\nconflict R143 u/a deploy\n", kDeploy},
    {"R143_new_files_of_the_loser_go", "u/ u/a=1", "code write u/n 4; deploy write u/m 5; deploy mkdir u/d",
     "code make-directory u/d 755\ncode remove u/n (conflict)\n+code put-file u/m\ncode set-metadata u/d 755\n"
     "conflict R143 u/n deploy\n",
     kDeploy},
    {"R143_the_same_on_both_is_no_conflict", "u/ u/a=1 u/b=2",
     "code write u/a 4; deploy write u/a 4; code touch u/a 70; deploy touch u/a 70; code write u/b 5",
     "deploy put-file u/b\n"},
    {"R143_first_contact_of_one_more", "",
     "code mkdir u; code write u/a 1; deploy mkdir u; deploy write u/a 1; "
     "code touch u/a 50; deploy touch u/a 50; deploy write u/b 2",
     "code put-file u/b\n"},
    {"R143_the_loser_s_mode_goes_too", "u/ u/a=1 u/b=2", "code write u/a 4; deploy write u/b 5; deploy chmod u/b 600",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\nconflict R143 u/b code\n", kCode},
    {"R143_a_directory_against_an_edit", "u/ u/a=1 u/b=2",
     "code erase u/a; code mkdir u/a; code write u/a/x 3; deploy write u/b 4",
     "code remove u/a/x (conflict)\n+code put-file u/a (conflict)\n+code put-file u/b\nconflict R143 u/a/x deploy\n",
     kDeploy},
    {"R143_a_deleted_directory_comes_back", "u/ u/d/ u/d/a=1 u/b=2", "code erase u/d; deploy write u/b 4",
     "code make-directory u/d 755\ncode put-file u/d/a\n+code put-file u/b\ncode set-metadata u/d 755\n", kDeploy},
    {"R143_outside_each_path_by_itself", "u/ u/a=1 u/b=2 x=1 y=2",
     "code write u/a 4; deploy write u/b 5; code write x 6; deploy write y 7",
     "deploy put-file u/b (conflict)\n+deploy put-file u/a\ndeploy put-file x\ncode put-file y\nconflict R143 u/b "
     "code\n",
     kCode},
    {"R144_manual", "u/ u/a=1 u/b=2 z=3", "code write u/a 4; deploy write u/b 5; code write z 6",
     "deploy put-file z\nconflict R144 u none\nparked manual-conflict u\n", kManual},
    {"R144_manual_of_one_path", "u/ u/a=1 u/b=2", "code write u/a 4; deploy write u/a 5; code write u/b 6",
     "conflict R144 u none\nparked manual-conflict u\n", kManual},
    {"R144_one_side_alone_is_no_conflict", "u/ u/a=1 u/b=2", "code write u/a 4; code write u/b 5",
     "deploy put-file u/a\n+deploy put-file u/b\n", kManual},
};

const Rule kLinked[] = {
    {"R148_links_inside_go_with_the_unit", "u/ u/z=1", "code write u/a 2; code link u/a u/b; code write u/z 3",
     "deploy put-file u/a\n+deploy put-file u/z\n+deploy link u/b to u/a\n"},
    {"R148_new_name_of_what_stands", "u/ u/a=1 u/z=2", "code link u/a u/b; code write u/z 3",
     "deploy put-file u/z\n+deploy link u/b to u/a\n"},
    {"R148_an_edited_group", "u/ u/a=1 u/b^u/a u/z=2", "code write u/a 3; code write u/z 4",
     "deploy put-file u/a\n+deploy put-file u/z\n+deploy link u/b to u/a\n"},
};

TEST(UnitOf, R140_the_directory_and_what_is_below_it) {
  Policy policy;
  EXPECT_FALSE(unit_of(policy, "a"));
  policy.units = {"a/b", "c"};
  EXPECT_FALSE(unit_of(policy, "a"));
  EXPECT_EQ(unit_of(policy, "a/b"), 0U);
  EXPECT_EQ(unit_of(policy, "a/b/c/d"), 0U);
  EXPECT_FALSE(unit_of(policy, "a/b.c"));
  EXPECT_FALSE(unit_of(policy, "a/bc"));
  EXPECT_EQ(unit_of(policy, "c/x"), 1U);
  EXPECT_FALSE(unit_of(policy, "d"));
  EXPECT_FALSE(is_inside_unit(policy, "c"));
  EXPECT_TRUE(is_inside_unit(policy, "c/x"));
}

TEST(Units, R145_what_is_never_touched_holds_all) {
  World w = world("u/ u/a=1 u/b=2 z=3");
  edit(w, "code socket u/s; code write u/a 4; deploy chmod u/b 600; deploy write z 5");
  const Plan plan = w.plan();
  EXPECT_EQ(with_groups(plan), "code put-file z\nparked kind-unsupported u\n");
  EXPECT_NE(plan.parked.at(0).text.find("u/s"), std::string::npos) << plan.parked[0].text;
  edit(w, "code erase u/s");
  EXPECT_EQ(w.converge(), "");
}

TEST(Units, R145_what_cannot_be_read_holds_all) {
  World w = world("u/ u/a=1 z=3");
  edit(w, "code write u/a 4; code write z 5");
  w.policy.unreadable = {{Side::deploy, "u/d"}};
  const Plan plan = w.plan();
  EXPECT_EQ(with_groups(plan), "deploy put-file z\nparked denied u\n");
  EXPECT_NE(plan.parked.at(0).text.find("u/d can't be read on the deploy side"), std::string::npos);
  w.policy.unreadable = {{Side::deploy, "u2/d"}};
  EXPECT_EQ(with_groups(w.plan()), "deploy put-file u/a\ndeploy put-file z\n");
}

TEST(Units, R145_in_the_place_of_something_known) {
  World w = world("u/ u/a=1 u/b=2");
  edit(w, "code socket u/a; code write u/b 4");
  EXPECT_EQ(with_groups(w.plan()), "parked kind-unsupported u\nparked kind-unsupported u/a\n");
}

TEST(Units, R145_below_a_directory_that_takes_a_file_s_place) {
  World w("d=1");
  w.policy.units = {"d/u"};
  edit(w, "code erase d; code mkdir d; code mkdir d/u; code write d/u/a 2; code socket d/u/s; code write d/b 3");
  EXPECT_EQ(with_groups(w.plan()),
            "deploy make-directory d 755\ndeploy put-file d/b\ndeploy set-metadata d 755\n"
            "parked kind-unsupported d/u\n");
}

TEST(Units, R145_nothing_is_told_without_work) {
  World w = world("u/ u/a=1 u/b=2");
  edit(w, "code socket u/s; code chmod u/a 600; code chmod u/a 644");
  EXPECT_EQ(with_groups(w.plan()), "");
  EXPECT_EQ(w.agreements_text(), "agree u/a\n");
}

TEST(Units, R147_more_than_fits_is_held) {
  World w = world("u/ z=1");
  const std::string longest(200, 'n');
  for (int n = 0; n < 6000; ++n) w.write(Side::code, str("u/", longest, n), "x");
  edit(w, "code write z 2");
  const Plan plan = w.plan();
  EXPECT_EQ(with_groups(plan), "deploy put-file z\nparked failed u\n");
  EXPECT_NE(plan.parked.at(0).text.find("6000 changes"), std::string::npos) << plan.parked[0].text;
}

TEST(Units, R143_who_resolves_the_unit_decides_all_of_it) {
  World w = world("u/ u/a=1 u/b=2", kManual);
  edit(w, "code write u/a 4; deploy write u/b 5");
  w.policy.decided_path = "u";
  w.policy.decided = kDeploy;
  EXPECT_EQ(with_groups(w.plan()), "code put-file u/a (conflict)\n+code put-file u/b\nconflict R143 u/a deploy\n");
}

TEST(Units, R149_damage_never_wins) {
  World w = world("u/ u/a=11 u/b=22 u/c=33", kCode);
  edit(w, "code rot u/a 44; code stop; deploy write u/b 55");
  EXPECT_EQ(with_groups(w.plan()), "code put-file u/a (suspect)\n+code put-file u/b\nconflict R109 u/a deploy\n");
  edit(w, "code write u/c 66");
  EXPECT_EQ(with_groups(w.plan()),
            "code put-file u/a (suspect)\ndeploy put-file u/b (conflict)\n+deploy put-file u/c\n"
            "conflict R109 u/a deploy\nconflict R143 u/b code\n");
  EXPECT_EQ(w.converge(), "");
}

TEST(Units, R149_a_directory_above_decides_for_all_of_it) {
  World w("d/ d/u/ d/u/e/ d/u/e/x=1 d/u/y=2 d/z=3", kCode);
  w.policy.units = {"d/u"};
  edit(w, "code replace d 4; deploy write d/u/y 5");
  EXPECT_EQ(with_groups(w.plan()),
            "deploy remove d/z\ndeploy remove d/u/y (conflict)\n+deploy remove d/u/e/x\ndeploy remove-directory d/u/e\n"
            "deploy remove-directory d/u\ndeploy put-file d (conflict)\nconflict R27 d code\n");
  EXPECT_EQ(w.converge(), "");
}

TEST(Units, R148_names_inside_and_outside_are_files_of_their_own) {
  World w = world("u/ u/z=1");
  edit(w, "code write f 2; code link f u/f; code write u/z 3");
  EXPECT_EQ(with_groups(w.plan()), "deploy put-file f\ndeploy put-file u/f\n+deploy put-file u/z\n");
  EXPECT_EQ(w.carry_out(w.plan()), "");
  EXPECT_EQ(with_groups(w.plan()), "");
  edit(w, "code write u/f 4");
  EXPECT_EQ(with_groups(w.plan()), "deploy put-file f\ndeploy put-file u/f\n");
}

/// Two paths of the unit changed on code, something else on both.
World changed_world() {
  World w = world("u/ u/d/ u/d/a=1 u/b=2 x=3 y=4");
  edit(w, "code erase u/d; code write u/b 5; code write x 6; deploy write y 7");
  return w;
}

TEST(Units, R72_a_direction_takes_all_of_it_or_nothing) {
  World w = changed_world();
  Plan plan = w.plan();
  filter_direction(plan, Direction::to_code);
  EXPECT_EQ(with_groups(plan), "code put-file y\n");
  plan = w.plan();
  filter_direction(plan, Direction::to_deploy);
  EXPECT_EQ(with_groups(plan),
            "deploy remove u/d/a\n+deploy put-file u/b\ndeploy put-file x\ndeploy remove-directory u/d\n");
}

TEST(Units, R82_a_parked_deletion_holds_all_of_it) {
  World w = changed_world();
  Plan plan = w.plan();
  GuardInput input;
  input.limits = {50, 1, 10};
  input.base_entries = 100;
  apply_guard(plan, DeletionWindow{}, input);
  EXPECT_EQ(with_groups(plan),
            "deploy put-file x\ncode put-file y\nparked mass-deletion u/d/a\nparked mass-deletion u/d\n");
}

TEST(Units, R83_a_full_store_holds_all_of_it) {
  World w = world("u/ u/d/ u/d/a=1 u/b=2");
  edit(w, "code write u/n 5; code chmod u/b 600; code erase u/d; code write x 6");
  Plan plan = w.plan();
  withhold_displacing(plan, Side::deploy);
  EXPECT_EQ(with_groups(plan), "deploy put-file x\nparked versions-full u/d/a\n");
}

TEST(Units, R146_a_crash_in_the_middle_ends_the_same) {
  const char* edits =
      "code write u/a 41; code write u/b 42; deploy write u/b 52; deploy write u/c 53; deploy erase u/d; "
      "code write u/e 45; deploy write u/f 56";
  for (const auto policy : {ConflictPolicy::newer, kCode, kDeploy}) {
    World whole = world("u/ u/a=1 u/b=2 u/c=3 u/d=4 u/e=5", policy);
    edit(whole, edits);
    const World before = whole;
    EXPECT_EQ(whole.converge(), "");
    for (size_t limit = 0; limit < 12; ++limit) {
      World cut = before;
      cut.carry_out(cut.plan(), limit);
      EXPECT_EQ(cut.converge(), "");
      EXPECT_EQ(cut.text(Side::code), whole.text(Side::code)) << to_string(policy) << " cut after " << limit;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Whole, UnitRules, ::testing::ValuesIn(kWhole), name_of);
INSTANTIATE_TEST_SUITE_P(Contested, UnitRules, ::testing::ValuesIn(kContested), name_of);
INSTANTIATE_TEST_SUITE_P(Linked, UnitRules, ::testing::ValuesIn(kLinked), name_of);

}  // namespace
}  // namespace twsync::testing
