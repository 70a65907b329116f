// diff_entry and merge_base: what counts as a change, and what the base records (R90-R93).

#include <gtest/gtest.h>

#include "common/core/planner.h"

namespace twsync {
namespace {

Entry file(uint64_t content, int64_t mtime, uint32_t mode = 0644) {
  Entry e;
  e.kind = Kind::file;
  e.mode = mode;
  e.size = 4;
  e.mtime_ns = mtime;
  e.digest = {DigestAlgorithm::xxh3_128_keyed, content, content};
  e.stamp = {content + 100, 4, mtime, mtime + 7};
  e.owner = Name("root");
  return e;
}

Entry unread(Entry e) {
  e.digest = {};
  return e;
}

const Policy kPolicy = [] {
  Policy p;
  p.preserve_owner = true;
  return p;
}();

BaseRow agreed(const Entry& e) {
  return *merge_base(nullptr, "f", e, e, kPolicy);
}

TEST(DiffEntry, UnchangedFingerprintNeedsNoDigest) {
  const BaseRow row = agreed(file(1, 50));
  EXPECT_FALSE(diff_entry(&row, Side::code, unread(file(1, 50)), kPolicy).any());
  EXPECT_FALSE(needs_digest(&row, Side::code, unread(file(1, 50)), kPolicy));
}

TEST(DiffEntry, MovedFingerprintAtEqualSizeIsUnknownUntilRead) {
  const BaseRow row = agreed(file(1, 50));
  Entry now = unread(file(1, 50));
  now.stamp.ctime_ns += 1;
  EXPECT_TRUE(needs_digest(&row, Side::code, now, kPolicy));
  EXPECT_TRUE(diff_entry(&row, Side::code, now, kPolicy).content_unknown);
  now.digest = row.agreed.digest;
  const EntryDiff diff = diff_entry(&row, Side::code, now, kPolicy);
  EXPECT_FALSE(diff.any());
  EXPECT_TRUE(diff.stamp);
  now.size = 5;
  EXPECT_FALSE(needs_digest(&row, Side::code, unread(now), kPolicy)) << "another size is another content";
  EXPECT_TRUE(diff_entry(&row, Side::code, unread(now), kPolicy).content);
}

TEST(DiffEntry, R62_a_large_file_with_another_mtime_is_read_by_its_sender) {
  const BaseRow row = agreed(file(1, 50));
  Policy policy = kPolicy;
  policy.sender_reads_from = row.agreed.size;
  Entry now = unread(file(1, 50));
  now.stamp.ctime_ns += 1;
  EXPECT_TRUE(needs_digest(&row, Side::code, now, policy)) << "the old mtime: most likely only its mode was set";
  now.mtime_ns = now.stamp.mtime_ns += 1;
  EXPECT_FALSE(needs_digest(&row, Side::code, now, policy));
  now.links = 2;
  EXPECT_TRUE(needs_digest(&row, Side::code, now, policy)) << "of several names";
  now.links = 1;
  policy.code_doubt.active = true;
  EXPECT_TRUE(needs_digest(&row, Side::code, now, policy)) << "after an unclean stop";
  policy.code_doubt.active = false;
  ++policy.sender_reads_from;
  EXPECT_TRUE(needs_digest(&row, Side::code, now, policy)) << "small";
}

TEST(DiffEntry, NothingAgainstNothing) {
  EXPECT_FALSE(diff_entry(nullptr, Side::code, Entry{}, kPolicy).any());
  EXPECT_TRUE(diff_entry(nullptr, Side::code, file(1, 50), kPolicy).kind);
  const BaseRow row = agreed(file(1, 50));
  EXPECT_TRUE(diff_entry(&row, Side::code, Entry{}, kPolicy).kind);
}

TEST(DiffEntry, OwnersOnlyWherePreserved) {
  const BaseRow row = agreed(file(1, 50));
  Entry now = file(1, 50);
  now.owner = Name("alice");
  EXPECT_TRUE(diff_entry(&row, Side::code, now, kPolicy).owner);
  EXPECT_FALSE(diff_entry(&row, Side::code, now, Policy{}).any());
}

TEST(DiffEntry, HeldEntryIsNoDifference) {
  const BaseRow row = agreed(file(1, 50));
  for (const Side s : {Side::code, Side::deploy}) EXPECT_FALSE(diff_entry(&row, s, held_entry(row, s), kPolicy).any());
}

TEST(MergeBase, R90_equal_contents_are_agreed_with_each_side_s_fingerprint) {
  Entry deploy = file(1, 50);
  deploy.stamp.inode = 7;
  const auto row = merge_base(nullptr, "f", file(1, 50), deploy, kPolicy);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->path, "f");
  EXPECT_EQ(row->code.stamp.inode, 101u);
  EXPECT_EQ(row->deploy.stamp.inode, 7u);
}

TEST(MergeBase, R90_unknown_contents_are_never_equal) {
  EXPECT_FALSE(merge_base(nullptr, "f", unread(file(1, 50)), unread(file(1, 50)), kPolicy));
  const BaseRow old = agreed(file(1, 50));
  const auto row = merge_base(&old, "f", unread(file(1, 50)), unread(file(1, 50)), kPolicy);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->agreed.digest, old.agreed.digest) << "an unchanged fingerprint stands for the agreed content";
}

TEST(MergeBase, R90_nothing_on_both_sides_is_no_row) {
  const BaseRow old = agreed(file(1, 50));
  EXPECT_FALSE(merge_base(&old, "f", Entry{}, Entry{}, kPolicy));
  EXPECT_FALSE(merge_base(nullptr, "f", file(1, 50), Entry{}, kPolicy));
}

TEST(MergeBase, R90_a_deletion_that_is_not_carried_leaves_the_row) {
  const BaseRow old = agreed(file(1, 50));
  const auto row = merge_base(&old, "f", Entry{}, file(1, 50), kPolicy);
  ASSERT_TRUE(row);
  EXPECT_TRUE(diff_entry(&*row, Side::code, Entry{}, kPolicy).kind);
}

TEST(MergeBase, R91_an_edit_that_is_not_carried_is_found_again) {
  const BaseRow old = agreed(file(1, 50));
  const auto row = merge_base(&old, "f", file(2, 60), file(1, 50), kPolicy);
  ASSERT_TRUE(row);
  EXPECT_TRUE(diff_entry(&*row, Side::code, file(2, 60), kPolicy).content);
  EXPECT_FALSE(diff_entry(&*row, Side::deploy, file(1, 50), kPolicy).any());
}

TEST(MergeBase, R91_metadata_that_is_not_carried_is_found_again) {
  const BaseRow old = agreed(file(1, 50));
  const Entry chmodded = file(2, 60, 0600);
  const auto row = merge_base(&old, "f", chmodded, file(2, 60), kPolicy);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->agreed.mode, 0644u);
  EXPECT_EQ(row->agreed.digest, file(2, 60).digest);
  EXPECT_TRUE(diff_entry(&*row, Side::code, chmodded, kPolicy).mode);
  const auto touched = merge_base(&old, "f", file(1, 99), file(1, 50), kPolicy);
  EXPECT_TRUE(diff_entry(&*touched, Side::code, file(1, 99), kPolicy).mtime);
}

TEST(MergeBase, R92_what_a_side_could_not_keep_comes_back_from_neither) {
  const BaseRow old = agreed(file(1, 50));
  Entry wanted = file(1, 50);
  wanted.owner = Name("alice");
  const Entry kept = file(1, 50);
  const AppliedEntry applied{Side::deploy, wanted};
  const auto row = merge_base(&old, "f", wanted, kept, kPolicy, &applied);
  ASSERT_TRUE(row);
  EXPECT_FALSE(diff_entry(&*row, Side::code, wanted, kPolicy).any());
  EXPECT_FALSE(diff_entry(&*row, Side::deploy, kept, kPolicy).any());
  EXPECT_EQ(row->agreed.owner.str(), "root") << "the field stays as it was";
}

TEST(MergeBase, R92_without_an_old_row_the_code_side_s_value_is_agreed) {
  Entry wanted = file(1, 50, 0640);
  const Entry kept = file(1, 50, 0777);
  const AppliedEntry applied{Side::deploy, wanted};
  const auto row = merge_base(nullptr, "f", wanted, kept, kPolicy, &applied);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->agreed.mode, 0640u);
  EXPECT_EQ(row->deploy.mode, 0777u);
  EXPECT_FALSE(diff_entry(&*row, Side::deploy, kept, kPolicy).any());
}

TEST(MergeBase, R92_one_stuck_field_does_not_hide_another_side_s_change) {
  const BaseRow old = agreed(file(1, 50));
  Entry code = file(1, 50, 0600);
  code.owner = Name("alice");
  Entry wanted = file(1, 50);  // the operation wanted alice; the chmod is not its business
  wanted.owner = Name("alice");
  const AppliedEntry applied{Side::deploy, wanted};
  const auto row = merge_base(&old, "f", code, file(1, 50), kPolicy, &applied);
  ASSERT_TRUE(row);
  EXPECT_TRUE(diff_entry(&*row, Side::code, code, kPolicy).mode);
  EXPECT_FALSE(diff_entry(&*row, Side::code, code, kPolicy).owner);
}

TEST(MergeBase, R92_stuck_values_stay_quiet_when_only_the_fingerprint_moves) {
  const BaseRow old = agreed(file(1, 50));
  Entry wanted = file(1, 60);
  const Entry kept = file(1, 61);  // a coarse file system
  const AppliedEntry applied{Side::deploy, wanted};
  const auto row = merge_base(&old, "f", wanted, kept, kPolicy, &applied);
  Entry moved = kept;
  moved.stamp.ctime_ns += 5;
  const auto next = merge_base(&*row, "f", wanted, moved, kPolicy);
  ASSERT_TRUE(next);
  EXPECT_FALSE(diff_entry(&*next, Side::deploy, moved, kPolicy).stamp);
}

TEST(MergeBase, R93_first_contact_waits_for_its_metadata) {
  EXPECT_FALSE(merge_base(nullptr, "f", file(1, 50, 0600), file(1, 50, 0644), kPolicy));
}

TEST(MergeBase, AnotherKindOnBothSidesIsANewAgreement) {
  const BaseRow old = agreed(file(1, 50));
  Entry link;
  link.kind = Kind::symlink;
  link.target = "x";
  link.stamp = {3, 0, 0, 1};
  const auto row = merge_base(&old, "f", link, link, kPolicy);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->agreed.kind, Kind::symlink);
  EXPECT_FALSE(row->agreed.digest.known());
  EXPECT_FALSE(diff_entry(&*row, Side::code, link, kPolicy).any());
}

}  // namespace
}  // namespace twsync
