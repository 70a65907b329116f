// A row for each rule of common/core/RULES.md: base, edits, policy, and the plan that must come of it. Every row is
// also carried out and must then be quiet with both sides equal.

#include <gtest/gtest.h>

#include "tests/support/tree_literals.h"

namespace twsync::testing {
namespace {

struct Rule {
  const char* name;
  const char* base;
  const char* edits;
  const char* plan;
  ConflictPolicy policy = ConflictPolicy::newer;
};

void PrintTo(const Rule& rule, std::ostream* out) {
  *out << rule.name;
}

class Rules : public ::testing::TestWithParam<Rule> {};

TEST_P(Rules, Plan) {
  const Rule& rule = GetParam();
  World world(rule.base, rule.policy);
  edit(world, rule.edits);
  EXPECT_EQ(world.plan_text(), rule.plan) << rule.base << " | " << rule.edits;
  EXPECT_EQ(world.converge(), "");
}

constexpr auto kCode = ConflictPolicy::code_server;
constexpr auto kDeploy = ConflictPolicy::deploy_server;
constexpr auto kManual = ConflictPolicy::manual;

const Rule kOnePath[] = {
    {"R02_nothing_happened", "d/ d/f=1", "", ""},
    {"R10_only_the_fingerprint_moved", "f=1", "code chmod f 600; code chmod f 644", ""},
    {"R10_touch_is_carried", "f=1", "code touch f 70", "deploy set-metadata f 644\n"},
    {"R10_directory_mtime_is_nothing", "d/ d/f=1", "code touch d 70", ""},
    {"R11_same_edit_on_both", "f=1", "code write f 2; deploy write f 2; code touch f 70; deploy touch f 70", ""},
    {"R11_same_new_file", "", "code write f 2; deploy write f 2; code touch f 70; deploy touch f 70", ""},
    {"R11_same_retarget", "l->a", "code symlink l b; deploy symlink l b; code touch l 70; deploy touch l 70", ""},
    {"R11_same_edit_other_mode", "f=1",
     "code write f 2; deploy write f 2; code touch f 70; deploy touch f 70; deploy chmod f 600",
     "code set-metadata f 600\n"},
    {"R11_file_to_directory_on_both", "f=1",
     "code erase f; code mkdir f; code write f/a 1; deploy erase f; deploy mkdir f", "deploy put-file f/a\n"},
    {"R12_both_deleted", "f=1", "code erase f; deploy erase f", ""},
    {"R13_edit", "f=1", "code write f 2", "deploy put-file f\n"},
    {"R13_edit_mirrored", "f=1", "deploy write f 2", "code put-file f\n"},
    {"R13_older_file_restored_is_an_edit", "f=1", "code replace f 2; code touch f 5", "deploy put-file f\n"},
    {"R13_same_size_and_mtime", "f=1", "code replace f 2; code touch f 50", "deploy put-file f\n"},
    {"R13_new_file", "", "code write f 1", "deploy put-file f\n"},
    {"R13_new_empty_file", "", "code write f ", "deploy put-file f\n"},
    {"R13_new_symlink", "", "deploy symlink l nowhere", "code put-symlink l\n"},
    {"R13_symlink_to_file", "l->a", "code replace l 1", "deploy put-file l\n"},
    {"R13_file_to_symlink", "f=1", "code symlink f a", "deploy put-symlink f\n"},
    {"R14_new_directory", "", "code mkdir d; code write d/f 1; code chmod d 500",
     "deploy make-directory d 500\ndeploy put-file d/f\ndeploy set-metadata d 500\n"},
    {"R14_new_empty_directory", "", "code mkdir d", "deploy make-directory d 755\ndeploy set-metadata d 755\n"},
    {"R14_file_to_directory", "f=1", "code erase f; code mkdir f; code write f/a 2",
     "deploy make-directory f 755\ndeploy put-file f/a\ndeploy set-metadata f 755\n"},
    {"R15_deleted", "f=1", "code erase f", "deploy remove f\n"},
    {"R15_chmod_does_not_survive", "f=1", "code erase f; deploy chmod f 600", "deploy remove f\n"},
    {"R15_touch_does_not_survive", "f=1", "deploy erase f; code touch f 70", "code remove f\n"},
    {"R16_deleted_directory", "d/ d/e/ d/e/f=1 d/g=2", "code erase d",
     "deploy remove d/e/f\ndeploy remove d/g\ndeploy remove-directory d/e\ndeploy remove-directory d\n"},
    {"R16_chmod_of_directory_does_not_survive", "d/", "code erase d; deploy chmod d 700",
     "deploy remove-directory d\n"},
    {"R17_directory_to_file", "d/ d/e/ d/e/f=1", "code replace d 2",
     "deploy remove d/e/f\ndeploy remove-directory d/e\ndeploy put-file d\n"},
    {"R17_directory_to_symlink", "d/ d/f=1 e/ e/f=2", "code symlink d e", "deploy remove d/f\ndeploy put-symlink d\n"},
    {"R17_metadata_below_does_not_survive", "d/ d/f=1", "code replace d 2; deploy chmod d/f 600",
     "deploy remove d/f\ndeploy put-file d\n"},
};

const Rule kConflicts[] = {
    {"R20_later_wins", "f=1", "code write f 2; deploy write f 3",
     "code put-file f (conflict)\nconflict R20 f deploy\n"},
    {"R20_code_server", "f=1", "code write f 2; deploy write f 3",
     "deploy put-file f (conflict)\nconflict R20 f code\n", kCode},
    {"R20_deploy_server", "f=1", "deploy write f 2; code write f 3",
     "code put-file f (conflict)\nconflict R20 f deploy\n", kDeploy},
    {"R20_first_contact_other_content", "", "code write f 2; deploy write f 3",
     "code put-file f (conflict)\nconflict R20 f deploy\n"},
    {"R20_symlink_retargeted_twice", "l->a", "code symlink l b; deploy symlink l c",
     "code put-symlink l (conflict)\nconflict R20 l deploy\n"},
    {"R21_edit_survives", "f=1", "code erase f; deploy write f 2", "code put-file f\nconflict R21 f deploy\n"},
    {"R21_directory_in_its_place_survives", "f=1", "code erase f; deploy erase f; deploy mkdir f; deploy write f/a 2",
     "code make-directory f 755\ncode put-file f/a\ncode set-metadata f 755\nconflict R21 f deploy\n"},
    {"R22_deletion_wins", "f=1", "code erase f; deploy write f 2",
     "deploy remove f (edit-deleted)\nconflict R22 f code\n", kCode},
    {"R22_edit_wins_by_side", "f=1", "code erase f; deploy write f 2", "code put-file f\nconflict R21 f deploy\n",
     kDeploy},
    {"R23_parked_edits", "f=1 g=1", "code write f 2; deploy write f 3; code write g 2",
     "deploy put-file g\nconflict R23 f none\nparked manual-conflict f\n", kManual},
    {"R23_parked_deletion", "f=1", "code erase f; deploy write f 2", "conflict R23 f none\nparked manual-conflict f\n",
     kManual},
    {"R23_nothing_below", "", "code mkdir d; code write d/f 1; deploy write d 2",
     "conflict R23 d none\nparked manual-conflict d\n", kManual},
    {"R25_equal_times", "f=1", "code write f 2; deploy write f 3; code touch f 70; deploy touch f 70",
     "deploy put-file f (conflict)\nconflict R20 f code\n"},
    {"R25_implausible", "f=1", "code write f 2; deploy write f 3; deploy touch f 4000000000",
     "deploy put-file f (conflict)\nconflict R20 f code\n"},
    {"R25_old_dates_are_plausible", "f=1", "code write f 2; deploy write f 3; code touch f 1; deploy touch f 2",
     "code put-file f (conflict)\nconflict R20 f deploy\n"},
    {"R26_file_against_symlink", "f=1", "code write f 2; deploy symlink f a",
     "code put-symlink f (conflict)\nconflict R26 f deploy\n"},
    {"R27_directory_against_edit", "f=1", "code erase f; code mkdir f; code write f/a 1; deploy write f 2",
     "deploy make-directory f 755 (conflict)\ndeploy put-file f/a\ndeploy set-metadata f 755\nconflict R27 f code\n"},
    {"R27_edit_against_directory", "f=1", "deploy erase f; deploy mkdir f; deploy write f/a 1; code write f 2",
     "deploy remove f/a (conflict)\ndeploy put-file f (conflict)\nconflict R27 f code\n"},
    {"R27_file_for_directory_with_edit_below", "d/ d/f=1 d/g=2", "code replace d 3; deploy write d/f 4",
     "deploy remove d/g\ndeploy remove d/f (conflict)\ndeploy put-file d (conflict)\nconflict R27 d code\n"},
    {"R28_directory_wins_as_a_whole", "d/ d/f=1 d/g=2", "code replace d 3; deploy write d/f 4",
     "code make-directory d 755 (conflict)\ncode put-file d/f\ncode put-file d/g\ncode set-metadata d 755\nconflict "
     "R27 d deploy\n",
     kDeploy},
    {"R29_unknown_path_is_never_deleted", "", "deploy write f 1", "code put-file f\n", kCode},
    {"R29_lost_base_is_a_union", "f=1 g=2", "code erase g; deploy write h 3; forget",
     "code put-file g\ncode put-file h\n", kCode},
    {"R29_lost_base_differences_are_conflicts", "f=1", "deploy write f 2; forget",
     "deploy put-file f (conflict)\nconflict R20 f code\n", kCode},
};

const Rule kDirectories[] = {
    {"R30_new_child_survives", "d/ d/f=1", "code erase d; deploy write d/new 2",
     "code make-directory d 755\ncode put-file d/new\ndeploy remove d/f\ncode set-metadata d 755\n"},
    {"R30_edited_grandchild_survives", "d/ d/e/ d/e/f=1 d/x/ d/x/g=1", "code erase d; deploy write d/e/f 2",
     "code make-directory d 755\ncode make-directory d/e 755\ncode put-file d/e/f\ndeploy remove d/x/g\n"
     "deploy remove-directory d/x\ncode set-metadata d/e 755\ncode set-metadata d 755\nconflict R21 d/e/f deploy\n"},
    {"R30_deletion_wins_below", "d/ d/f=1", "code erase d; deploy write d/f 2",
     "deploy remove d/f (edit-deleted)\ndeploy remove-directory d\nconflict R22 d/f code\n", kCode},
    {"R31_parked_below", "d/ d/f=1 d/g=1", "code erase d; deploy write d/f 2",
     "deploy remove d/g\nconflict R23 d/f none\nparked manual-conflict d/f\n", kManual},
};

const Rule kRenames[] = {
    {"R40_file", "f=1", "code rename f g", "deploy rename g from f\n"},
    {"R40_directory", "d/ d/f=1 d/s/ d/s/g=2", "code rename d e", "deploy rename e from d\n"},
    {"R40_edit_follows_the_directory", "d/ d/f=1 d/g=2", "code rename d e; deploy write d/f 3",
     "deploy rename e from d\ncode put-file e/f\n"},
    {"R40_new_child_follows", "d/ d/f=1", "code rename d e; deploy write d/new 3",
     "deploy rename e from d\ncode put-file e/new\n"},
    {"R40_deletion_follows", "d/ d/f=1 d/g=2", "code rename d e; deploy erase d/f",
     "deploy rename e from d\ncode remove e/f\n"},
    {"R40_edit_follows_the_file", "f=1", "code rename f g; deploy write f 2",
     "deploy rename g from f\ncode put-file g\n"},
    {"R40_chmod_comes_after", "f=1", "code rename f g; code chmod g 600",
     "deploy rename g from f\ndeploy set-metadata g 600\n"},
    {"R40_edited_file_is_none", "f=1", "code rename f g; code write g 2", "deploy put-file g\ndeploy remove f\n"},
    {"R40_case_only", "Foo=1", "code rename Foo foo", "deploy rename foo from Foo\n"},
    {"R40_renames_on_both_sides", "d/ d/f=1", "code rename d e; deploy rename d/f d/g",
     "deploy rename e from d\ncode rename e/g from e/f\n"},
    {"R40_out_of_a_deleted_directory", "d/ d/s/ d/s/f=1 d/g=2", "code rename d/s s; code erase d",
     "deploy rename s from d/s\ndeploy remove d/g\ndeploy remove-directory d\n"},
    {"R40_waits_for_its_parent", "a/ z/ z/f=1 a/f=1", "deploy rename a z/a; code rename z y",
     "deploy rename y from z\ncode rename y/a from a\n"},
    {"R40_target_taken", "f=1", "code rename f g; deploy write g 2",
     "code put-file g (conflict)\ndeploy remove f\nconflict R20 g deploy\n"},
    {"R40_parent_deleted_there", "d/ f=1", "code rename f d/f; deploy erase d",
     "deploy make-directory d 755\ndeploy put-file d/f\ndeploy remove f\ndeploy set-metadata d 755\n"},
    {"R40_renamed_against_deleted", "d/ d/f=1", "code rename d e; deploy erase d",
     "deploy make-directory e 755\ndeploy put-file e/f\ndeploy set-metadata e 755\n"},
    {"R41_new_parent_first", "f=1", "code mkdir n; code mkdir n/m; code rename f n/m/f",
     "deploy make-directory n 755\ndeploy make-directory n/m 755\ndeploy rename n/m/f from f\n"
     "deploy set-metadata n/m 755\ndeploy set-metadata n 755\n"},
    {"R42_same_directory_rename", "d/ d/f=1", "code rename d e; deploy rename d e", ""},
    {"R42_same_file_rename", "f=1", "code rename f g; deploy rename f g", ""},
    {"R42_and_an_edit", "d/ d/f=1", "code rename d e; deploy rename d e; deploy write e/f 2", "code put-file e/f\n"},
    {"R43_two_targets", "f=1", "code rename f g; deploy rename f h", "deploy rename g from h\n"},
    {"R43_two_targets_deploy", "f=1", "code rename f g; deploy rename f h", "code rename h from g\n", kDeploy},
    {"R43_two_targets_manual", "f=1", "code rename f g; deploy rename f h", "deploy put-file g\ncode put-file h\n",
     kManual},
    {"R43_directories_with_an_edit", "d/ d/f=1", "code rename d e; deploy rename d x; deploy write x/f 2",
     "deploy rename e from x\ncode put-file e/f\n"},
    {"R43_not_over_something_else", "f=1", "code rename f g; deploy rename f h; code write h 2",
     "deploy put-file g\ndeploy put-file h (conflict)\nconflict R20 h code\n", kCode},
    {"R44_swap_is_no_rename", "x=1 y=22", "code rename x y; deploy rename y x",
     "code put-file x\ndeploy put-file y\nconflict R21 x deploy\nconflict R21 y code\n"},
    {"R44_cycle", "a/ a/f=1 b/ b/g=2", "code rename a b/a; deploy rename b a/b",
     "code make-directory a 755\ncode make-directory a/b 755\ndeploy make-directory b 755\ndeploy make-directory b/a "
     "755\n"
     "code put-file a/b/g\ndeploy put-file b/a/f\ndeploy remove a/f\ncode remove b/g\n"
     "deploy set-metadata b/a 755\ndeploy set-metadata b 755\ncode set-metadata a/b 755\ncode set-metadata a 755\n"},
    // Found by the property test: the new parent was made first, then the rename that brings it found it there.
    {"R49_parent_is_a_moved_directory", "a/ a/d/ a/d/x=1 b/ b/y=2",
     "code rename b a/b; code rename a/d a/b/d; deploy rename b e",
     "code rename e from a/b\ndeploy rename e/d from a/d\n", kDeploy},
    {"R46_children_come_along", "d/ d/s/ d/s/f=1 d/t/", "code rename d a", "deploy rename a from d\n"},
    {"R46_moved_inside_the_moved", "d/ d/f=1 d/g=2", "code rename d e; code rename e/f e/h",
     "deploy rename e from d\ndeploy rename e/h from e/f\n"},
};

const Rule kMetadata[] = {
    {"R51_chmod_against_edit", "f=1", "code chmod f 600; deploy write f 2",
     "code put-file f\ndeploy set-metadata f 600\n"},
    {"R51_chmod_of_directory", "d/", "code chmod d 700", "deploy set-metadata d 700\n"},
    {"R51_chmod_and_touch", "f=1", "code chmod f 600; deploy touch f 70",
     "code set-metadata f 600\ndeploy set-metadata f 600\n"},
    {"R52_same_chmod", "f=1", "code chmod f 600; deploy chmod f 600", ""},
    {"R53_two_chmods", "f=1", "code chmod f 600; deploy chmod f 640", "deploy set-metadata f 600\n"},
    {"R53_two_chmods_deploy", "f=1", "code chmod f 600; deploy chmod f 640", "code set-metadata f 640\n", kDeploy},
    {"R53_two_touches", "f=1", "code touch f 60; deploy touch f 70", "code set-metadata f 644\n"},
    {"R53_two_touches_by_side", "f=1", "code touch f 60; deploy touch f 70", "deploy set-metadata f 644\n", kCode},
    {"R54_first_contact_newer", "f=1", "code touch f 60; deploy chmod f 600; forget", "deploy set-metadata f 644\n"},
    {"R54_first_contact_deploy", "f=1", "code touch f 60; deploy chmod f 600; forget", "code set-metadata f 600\n",
     kDeploy},
    {"R54_first_contact_directory", "d/", "deploy chmod d 700; forget", "deploy set-metadata d 755\n"},
    {"R57_directory_that_was_being_made", "", "deploy mkdir d; deploy chmod d 500; code mkdir d; code chmod d 700",
     "code set-metadata d 500\n"},
    {"R57_in_the_other_direction", "", "code mkdir d; code chmod d 500; deploy mkdir d; deploy chmod d 700",
     "deploy set-metadata d 500\n", kDeploy},
};

// After an unclean stop of the code side, where its name is not said. "f" was agreed long before, what "sync" agrees on
// after "flush" shortly before.
const Rule kUncleanStop[] = {
    {"R100_without_a_stop_it_is_an_edit", "f=11", "code tear f 22 50", "deploy put-file f\n"},
    {"R100_changed_after_the_stop_is_an_edit", "f=1", "code stop; code write f 2; code touch f 50",
     "deploy put-file f\n"},
    {"R100_newer_and_not_recorded_lately_is_an_edit", "f=1", "flush; code write f 2; code stop", "deploy put-file f\n"},
    {"R100_the_other_side_is_not_in_doubt", "f=11", "deploy tear f 22 50; code stop", "code put-file f\n"},
    {"R100_deleted_after_long_agreement_is_a_deletion", "f=1", "flush; code erase f; code stop", "deploy remove f\n"},
    {"R101_same_fingerprint_other_content", "f=11", "code rot f 22; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R101_empty_at_the_recorded_time", "f=1", "flush; code rot f ; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R101_old_version_is_back", "f=1", "flush; code revert f 2; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R101_old_link_is_back", "l->a", "flush; code revert l 2; code stop",
     "code put-symlink l (suspect)\nconflict R109 l deploy\n"},
    {"R101_mirrored", "f=1", "deploy revert f 2; deploy stop", "deploy put-file f (suspect)\nconflict R109 f code\n"},
    {"R102_recorded_lately_and_torn", "f=1", "flush; deploy write f 222; sync; code tear f 333; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R103_same_time_other_size", "f=1", "flush; code tear f 222 50; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R104_emptied", "f=1", "flush; code tear f ; code stop", "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R104_emptied_newcomer", "", "deploy write f 1; code tear f ; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R104_new_empty_file_alone_is_new", "", "code write f ; code stop", "deploy put-file f\n"},
    {"R105_absent_and_recorded_lately", "f=1", "code erase f; code stop", "code put-file f (suspect)\n"},
    {"R105_absent_link_and_directory", "d/ d/l->a", "code erase d; code stop",
     "code make-directory d 755 (suspect)\ncode put-symlink d/l (suspect)\ncode set-metadata d 755\n"},
    {"R105_and_what_was_below", "d/ d/f=1", "flush; code chmod d 700; sync; code erase d; code stop",
     "code make-directory d 700 (suspect)\ncode put-file d/f (suspect)\ncode set-metadata d 700\n"},
    {"R105_deleted_there_as_well", "f=1", "code erase f; deploy erase f; code stop", ""},
    {"R106_deletion_came_undone", "f=1", "flush; deploy erase f; sync; code undo f; code stop",
     "code remove f (suspect)\nconflict R109 f deploy\n"},
    {"R106_rename_came_undone", "d/ d/f=1", "flush; code rename d e; sync; code undo d; code undo e; code stop",
     "code make-directory e 755 (suspect)\ncode put-file e/f (suspect)\ncode remove d/f (suspect)\ncode "
     "remove-directory d (suspect)\n"
     "code set-metadata e 755\nconflict R109 d/f deploy\n"},
    {"R106_new_file_below_keeps_its_directory", "d/ d/f=1",
     "flush; deploy erase d; sync; code undo d; code stop; code write d/new 2",
     "deploy make-directory d 755\ndeploy put-file d/new\ncode remove d/f (suspect)\ndeploy set-metadata d 755\n"
     "conflict R109 d/f deploy\n"},
    {"R106_put_back_after_the_stop_is_new", "f=1", "flush; deploy erase f; sync; code stop; code write f 1",
     "deploy put-file f\n"},
    {"R107_torn_copy_of_the_others_new_file", "", "deploy write f 222; deploy touch f 70; code tear f 33 70; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R107_torn_copy_of_the_others_edit", "f=1",
     "flush; deploy write f 222; deploy touch f 70; code tear f 333 70; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R108_metadata_of_before", "f=1", "code chmod f 600; sync; code revert_mode f 644; code stop",
     "code set-metadata f 600\n"},
    {"R108_against_a_later_change", "f=1", "code revert_mode f 640; deploy chmod f 600; code stop",
     "code set-metadata f 600\n"},
    {"R108_of_a_directory", "d/", "code chmod d 700; sync; code revert_mode d 755; code stop",
     "code set-metadata d 700\n"},
    // Found by the property test: the survivor's link got the time of the other directory's back.
    {"R108_where_a_swap_came_undone", "d/ d/l->t e/ e/l->t",
     "code touch e/l 70; sync; flush; code rename d x; code rename e d; code rename x e; sync; code undo d; code undo "
     "e; "
     "code stop",
     "code set-metadata d/l 0\ncode set-metadata e/l 0\n"},
    {"R109_against_an_edit", "f=1", "code rot f 2; deploy write f 3; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n"},
    {"R109_against_a_deletion", "f=1", "code rot f 22; deploy erase f; code stop",
     "code remove f (suspect)\nconflict R109 f deploy\n"},
    {"R109_against_policy", "f=1", "code rot f 22; deploy write f 3; code stop",
     "code put-file f (suspect)\nconflict R109 f deploy\n", kCode},
    {"R109_nobody_is_asked", "f=1", "code rot f 22; code stop", "code put-file f (suspect)\nconflict R109 f deploy\n",
     kManual},
    {"R109_same_content_there_is_agreed", "f=1", "code rot f 22; deploy write f 22; deploy touch f 50; code stop", ""},
    {"R110_both_damaged", "f=1", "code rot f 22; deploy rot f 33; code stop; deploy stop",
     "deploy put-file f (suspect)\nconflict R110 f code\n"},
    {"R110_both_damaged_manual", "f=1", "code rot f 22; deploy rot f 33; code stop; deploy stop",
     "conflict R23 f none\nparked manual-conflict f\n", kManual},
    {"R110_what_holds_something_stands", "f=1", "code erase f; deploy rot f 33; code stop; deploy stop",
     "code put-file f (suspect)\nconflict R110 f deploy\n", kCode},
    {"R110_empty_loses", "f=1", "code rot f ; deploy rot f 33; code stop; deploy stop",
     "code put-file f (suspect)\nconflict R110 f deploy\n", kCode},
    {"R110_good_on_one_side", "f=11 g=11", "code rot f 22; deploy rot g 33; code stop; deploy stop",
     "code put-file f (suspect)\ndeploy put-file g (suspect)\nconflict R109 f deploy\nconflict R109 g code\n"},
    {"R109_replaced_directory_is_back", "d/ d/f=1", "flush; deploy replace d 2; sync; code undo d; code stop",
     "code remove d/f (suspect)\ncode put-file d (suspect)\n"},
    {"R109_replaced_file_is_back", "d=1",
     "flush; deploy erase d; deploy mkdir d; deploy write d/f 2; sync; code undo d; code stop",
     "code make-directory d 755 (suspect)\ncode put-file d/f (suspect)\ncode set-metadata d 755\nconflict R109 d "
     "deploy\n"},
};

const Rule kLinks[] = {
    {"R47_each_name_moved", "f=1 g^f", "code rename f x; code rename g y",
     "deploy rename x from f\ndeploy rename y from g\n"},
    {"R47_one_name_moved_one_new", "f=1 g^f", "code rename f x; code link x y",
     "deploy rename x from f\ndeploy link y to g\n"},
    {"R120_new_group", "", "code write f 1; code link f g; code link f a",
     "deploy put-file a\ndeploy link f to a\ndeploy link g to a\n"},
    {"R120_in_place_edit", "f=1 g^f", "code write g 2", "deploy put-file f\ndeploy link g to f\n"},
    {"R120_new_name", "f=1", "code link f g", "deploy link g to f\n"},
    {"R120_new_name_mirrored", "f=1", "deploy link f a", "code link a to f\n"},
    {"R120_new_name_in_another_directory", "d/ d/f=1 d/g^d/f", "code mkdir e; code link d/f e/h",
     "deploy make-directory e 755\ndeploy link e/h to d/f\ndeploy set-metadata e 755\n"},
    {"R120_name_removed", "f=1 g^f h^f", "code erase g", "deploy remove g\n"},
    {"R120_edit_breaks_off", "f=1 g^f h^f", "code replace g 2", "deploy put-file g\n"},
    {"R120_edits_of_both_names", "f=1 g^f", "code write f 2; deploy write g 3",
     "code put-file f (conflict)\ncode link g to f (conflict)\nconflict R20 f deploy\nconflict R20 g deploy\n"},
    {"R120_edit_against_edit_that_broke_off", "f=1 g^f", "deploy replace g 3; code write f 2",
     "deploy put-file f\ndeploy link g to f (conflict)\nconflict R20 g code\n"},
    {"R120_edits_that_broke_off", "f=1 g^f", "code replace f 2; deploy replace g 3",
     "deploy put-file f\ncode put-file g\n"},
    {"R120_edit_of_a_group_against_deletion", "f=1 g^f", "code write f 2; deploy erase g",
     "deploy put-file f\ndeploy link g to f\nconflict R21 g code\n"},
    {"R120_linked_over_a_symlink", "f=1 l->f", "code link f l", "deploy link l to f\n"},
    {"R120_linked_over_a_directory", "f=1 d/ d/g=2", "code link f d", "deploy remove d/g\ndeploy link d to f\n"},
    {"R120_in_a_renamed_directory", "d/ d/f=1 g^d/f", "code rename d e; code link e/f e/h",
     "deploy rename e from d\ndeploy link e/h to e/f\n"},
    {"R120_group_in_a_renamed_directory", "d/ d/f=1 g^d/f", "code rename d e", "deploy rename e from d\n"},
    {"R121_broken_off", "f=1 g^f h^f", "code replace g 1; code touch g 50", "deploy put-file g\n"},
    {"R121_joined", "f=1 g=1", "code link f g", "deploy link g to f\n"},
    {"R121_joined_other_content", "f=1 g=2", "code link f g", "deploy link g to f\n"},
    {"R121_joined_another_group", "f=1 g^f h=1 i^h", "code link h g", "deploy link g to h\n"},
    {"R121_replaced_alone_is_nothing", "f=1 g=1", "code replace g 1; code touch g 50", ""},
    {"R121_replaced_as_a_group_is_nothing", "f=1 g^f", "code replace f 1; code touch f 50; code link f g", ""},
    {"R121_link_came_undone", "f=1 g=1", "flush; code link f g; sync; code undo g; code stop", "code link g to f\n"},
    {"R121_break_came_undone", "f=1 g^f", "flush; code replace g 1; code touch g 50; sync; code undo g; code stop",
     "code put-file g\n"},
    {"R122_linked_differently", "f=1 g=1 h=1", "code link f h; deploy link g h",
     "deploy link f to g\ncode link g to f\n"},
    {"R122_linked_the_same", "f=1 g=1", "code link f g; deploy link g f", ""},
    {"R123_first_contact", "f=1 g=1 h=1", "code link f g; code link f h; forget",
     "deploy link g to f\ndeploy link h to f\n"},
    {"R123_first_contact_deploy", "f=1 g=1", "code link f g; forget", "deploy link g to f\n", kDeploy},
    {"R123_first_contact_each_side", "f=1 g=1 h=1", "code link f g; deploy link g h; forget",
     "deploy link f to g\ncode link h to f\n"},
    {"R123_half_of_a_new_group", "",
     "code write f 1; code touch f 50; deploy write f 1; deploy touch f 50; deploy link f g; deploy link f h",
     "code link g to f\ncode link h to f\n"},
    {"R122_half_of_an_edited_group", "f=1 g^f",
     "deploy write f 2; deploy touch f 60; code replace f 2; code touch f 60", "code link g to f\n"},
    {"R122_half_of_a_group_that_broke_off", "f=1 g^f h^f",
     "deploy replace f 1; deploy touch f 50; deploy link f g; code replace f 1; code touch f 50", "code link g to f\n"},
    {"R123_first_contact_newer", "f=1 g=1", "deploy link f g; deploy touch f 60; forget",
     "code set-metadata f 644\ncode link g to f\n"},
    {"R123_first_contact_agreed", "f=1 g^f", "forget", ""},
    {"R122_linked_by_the_other_name", "f=1 g=1", "code link f g; deploy link g f; deploy replace h 3",
     "code put-file h\n"},
    {"R124_linked_against_replaced", "f=1 g=1", "code link f g; deploy replace g 1; deploy touch g 50",
     "deploy link g to f\n"},
    {"R124_a_name_on_each_side", "f=1", "code link f g; deploy link f h", "deploy link g to f\ncode link h to f\n"},
    {"R125_a_part_of_a_group", "f=1 g^f h^f i^f", "code replace g 2; code link g h",
     "deploy put-file g\ndeploy link h to g\n"},
    {"R125_a_part_with_the_same_content", "f=1 g^f h^f i^f", "code replace g 1; code touch g 50; code link g h",
     "deploy put-file g\ndeploy link h to g\n"},
    {"R126_chmod_of_a_group", "f=1 g^f", "code chmod f 600", "deploy set-metadata f 600\ndeploy set-metadata g 600\n"},
    {"R126_chmod_and_new_name", "f=1", "code link f g; code chmod f 600",
     "deploy set-metadata f 600\ndeploy link g to f\n"},
    {"R126_joined_with_another_mode", "f=1 g=1:600", "code link f g", "deploy link g to f\n"},
    {"R126_joined_against_chmod", "f=1 g=1", "code link f g; deploy chmod g 600", "deploy link g to f\n"},
};

std::string name_of(const ::testing::TestParamInfo<Rule>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(OnePath, Rules, ::testing::ValuesIn(kOnePath), name_of);
INSTANTIATE_TEST_SUITE_P(Conflicts, Rules, ::testing::ValuesIn(kConflicts), name_of);
INSTANTIATE_TEST_SUITE_P(Directories, Rules, ::testing::ValuesIn(kDirectories), name_of);
INSTANTIATE_TEST_SUITE_P(Renames, Rules, ::testing::ValuesIn(kRenames), name_of);
INSTANTIATE_TEST_SUITE_P(UncleanStop, Rules, ::testing::ValuesIn(kUncleanStop), name_of);
INSTANTIATE_TEST_SUITE_P(Metadata, Rules, ::testing::ValuesIn(kMetadata), name_of);
INSTANTIATE_TEST_SUITE_P(Links, Rules, ::testing::ValuesIn(kLinks), name_of);

}  // namespace
}  // namespace twsync::testing
