#include "workers/resolver/unclean.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

constexpr Side kBoth[] = {Side::code, Side::deploy};

SideFacts facts() {
  SideFacts f;
  f.boot_id = "boot-1";
  f.booted_ns = 500;
  f.wall_ns = 9000;
  f.root_inode = 2;
  f.root_device = 7;
  f.file_system_id = "fs";
  f.mount = "ns:10";
  return f;
}

BaseMeta base(bool clean_close) {
  BaseMeta m;
  m.clean_close = clean_close;
  m.round = 9;
  m.settled_round = 5;
  m.code_boot_id = m.deploy_boot_id = "boot-1";
  m.code_root_inode = m.deploy_root_inode = 2;
  m.code_place = m.deploy_place = place_of(facts());
  return m;
}

SideFacts with(void (*change)(SideFacts&)) {
  SideFacts f = facts();
  change(f);
  return f;
}

void boot(SideFacts& f) {
  f.boot_id = "boot-2";
}

TEST(Unclean, nothing_changed) {
  for (const Side s : kBoth) EXPECT_FALSE(find_unclean_stop(base(false), s, facts())) << "a killed controller is none";
}

TEST(Unclean, a_boot_without_a_clean_close) {
  for (const Side s : kBoth) {
    const auto stop = find_unclean_stop(base(false), s, with(boot));
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->doubt, (Doubt{true, true, 5, 9, 500, 9000})) << "since the boot somebody changes things knowingly";
    EXPECT_FALSE(find_unclean_stop(base(true), s, with(boot)));
  }
}

TEST(Unclean, each_side_by_itself) {
  BaseMeta meta = base(false);
  meta.deploy_boot_id = "boot-2";
  EXPECT_FALSE(find_unclean_stop(meta, Side::code, facts()));
  EXPECT_TRUE(find_unclean_stop(meta, Side::deploy, facts()));
}

TEST(Unclean, a_new_mount_in_the_same_boot_and_namespace) {
  const auto mounted = with([](SideFacts& f) { f.mount = "ns:11"; });
  const auto stop = find_unclean_stop(base(false), Side::code, mounted);
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->doubt.stopped_before_ns, 9000) << "nobody knows when it was mounted";
  EXPECT_FALSE(find_unclean_stop(base(true), Side::code, mounted));
  EXPECT_FALSE(find_unclean_stop(base(false), Side::code, with([](SideFacts& f) { f.mount = "other:11"; })));
  EXPECT_FALSE(find_unclean_stop(base(false), Side::code, with([](SideFacts& f) { f.mount = ""; })));
}

TEST(Unclean, another_root_however_it_was_closed) {
  void (*const changes[])(SideFacts&) = {
      [](SideFacts& f) { f.root_inode = 3; },
      [](SideFacts& f) { f.file_system_id = "other"; },
      [](SideFacts& f) { f.root_device = 8; },
  };
  for (const auto change : changes) {
    EXPECT_TRUE(find_unclean_stop(base(false), Side::deploy, with(change)));
    EXPECT_TRUE(find_unclean_stop(base(true), Side::deploy, with(change)));
  }
  const auto renumbered = with([](SideFacts& f) {
    boot(f);
    f.root_device = 8;
  });
  EXPECT_FALSE(find_unclean_stop(base(true), Side::deploy, renumbered)) << "device numbers last one boot";
}

TEST(Unclean, what_is_not_known_is_no_change) {
  BaseMeta old = base(false);
  old.code_place = {};
  old.code_boot_id.clear();
  EXPECT_FALSE(find_unclean_stop(old, Side::code, facts()));
  EXPECT_FALSE(find_unclean_stop(base(false), Side::code, with([](SideFacts& f) { f.boot_id.clear(); })));
}

TEST(Unclean, a_second_stop_keeps_the_doubts_of_the_first) {
  BaseMeta meta = base(false);
  meta.code_recovery.doubt = {true, false, 2, 4, 100};
  const auto stop = find_unclean_stop(meta, Side::code, with(boot));
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->doubt, (Doubt{true, true, 2, 9, 500, 9000}));
}

}  // namespace
}  // namespace twsync
