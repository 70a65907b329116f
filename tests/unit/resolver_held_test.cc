#include <gtest/gtest.h>

#include "workers/resolver/held_removals.h"

namespace twsync {
namespace {

Entry file(uint64_t size, uint64_t digest = 0, uint64_t inode = 0) {
  Entry e;
  e.kind = Kind::file;
  e.size = size;
  if (digest != 0) e.digest = {DigestAlgorithm::xxh3_128_keyed, digest, digest};
  e.stamp.inode = inode;
  return e;
}

Operation put(const std::string& path, const Entry& content, Side side = Side::deploy) {
  Operation op;
  op.kind = OpKind::put_file;
  op.side = side;
  op.path = path;
  op.desired = content;
  return op;
}

Operation remove(const std::string& path, const Entry& there, Side side = Side::deploy) {
  Operation op;
  op.kind = there.is_directory() ? OpKind::remove_directory : OpKind::remove;
  op.side = side;
  op.path = path;
  op.expected = there;
  return op;
}

class Held : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(held_.any());
    held_.did_not_arrive(put("d/b", file(8000, 5, 77)), ErrorCode::no_space, false);
  }
  bool holds(const Operation& op, uint64_t inode = 1) { return held_.holds(op, inode, false) != nullptr; }
  HeldRemovals held_;
};

TEST_F(Held, a_removal_of_about_its_size_waits) {
  EXPECT_TRUE(holds(remove("a", file(7900))));
  EXPECT_TRUE(holds(remove("a", file(8100))));
  EXPECT_FALSE(holds(remove("a", file(6000))));
  EXPECT_FALSE(holds(remove("a", file(10000))));
}

TEST_F(Held, one_of_the_same_content_inode_or_name_too) {
  EXPECT_TRUE(holds(remove("a", file(10, 5))));
  EXPECT_TRUE(holds(remove("a", file(10)), 77));
  EXPECT_TRUE(holds(remove("e/b", file(10))));
  EXPECT_FALSE(holds(remove("a", file(10, 6))));
}

TEST_F(Held, it_says_what_it_waits_for) {
  const auto* missing = held_.holds(remove("a", file(8000)), 0, false);
  ASSERT_NE(missing, nullptr);
  EXPECT_EQ(missing->path, "d/b");
  EXPECT_EQ(missing->code, ErrorCode::no_space);
}

TEST_F(Held, the_other_side_and_what_holds_nothing_go_on) {
  EXPECT_FALSE(holds(remove("a", file(8000), Side::code)));
  EXPECT_FALSE(holds(remove("b", file(0))));
  Entry link;
  link.kind = Kind::symlink;
  EXPECT_FALSE(holds(remove("b", link)));
}

TEST_F(Held, its_directories_stay_and_others_go) {
  Entry directory;
  directory.kind = Kind::directory;
  ASSERT_TRUE(holds(remove("x/y/a", file(8000))));
  EXPECT_TRUE(held_.holds_directory(remove("x/y", directory)));
  EXPECT_TRUE(held_.holds_directory(remove("x", directory)));
  EXPECT_FALSE(held_.holds_directory(remove("x/z", directory)));
  EXPECT_FALSE(held_.holds_directory(remove("x", directory, Side::code)));
}

// A person may delete to make room for it.
TEST(HeldRemovals, what_failed_before_holds_only_what_waits_already_or_is_certain) {
  HeldRemovals held;
  held.did_not_arrive(put("b", file(8000, 5, 77)), ErrorCode::no_space, true);
  EXPECT_EQ(held.holds(remove("a", file(8000)), 0, false), nullptr);
  EXPECT_EQ(held.holds(remove("d/b", file(8000)), 0, false), nullptr);
  EXPECT_NE(held.holds(remove("a", file(8000)), 0, true), nullptr);
  EXPECT_NE(held.holds(remove("a", file(10, 5)), 0, false), nullptr);
  EXPECT_NE(held.holds(remove("a", file(10)), 77, false), nullptr);
}

TEST(HeldRemovals, what_carries_no_content_holds_nothing) {
  HeldRemovals held;
  Operation chmod = put("b", file(10));
  chmod.kind = OpKind::set_metadata;
  held.did_not_arrive(chmod, ErrorCode::denied, false);
  held.did_not_arrive(put("b", file(0)), ErrorCode::denied, false);
  EXPECT_FALSE(held.any());
}

}  // namespace
}  // namespace twsync
