#include "producers/inotify/watch_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twsync {
namespace {

class WatchTableTest : public testing::Test {
 protected:
  void add(const std::string& path, int wd) { table_.bind(table_.at(path), wd); }
  std::string path(int wd) {
    const auto* node = table_.by_wd(wd);
    return node == nullptr ? "none" : WatchTable::path_of(*node);
  }
  WatchTable table_;
};

TEST_F(WatchTableTest, paths_follow_a_moved_directory) {
  add("", 1);
  add("a", 2);
  add("a/b", 3);
  add("a/b/c", 4);
  EXPECT_TRUE(table_.move("a/b", "x").empty());
  EXPECT_EQ(path(3), "x");
  EXPECT_EQ(path(4), "x/c");
  EXPECT_EQ(table_.find("a/b"), nullptr);
  EXPECT_EQ(table_.find("x/c")->wd, 4);
}

TEST_F(WatchTableTest, a_move_onto_a_directory_ends_its_watch) {
  add("a", 2);
  add("b", 3);
  EXPECT_EQ(table_.move("a", "b"), std::vector<int>{3});
  EXPECT_EQ(path(2), "b");
  EXPECT_EQ(path(3), "none");
}

TEST_F(WatchTableTest, drop_returns_every_descriptor_below) {
  add("", 1);
  add("a", 2);
  add("a/b", 3);
  EXPECT_THAT(table_.drop("a"), testing::UnorderedElementsAre(2, 3));
  EXPECT_EQ(table_.watched(), 1u);
  EXPECT_TRUE(table_.drop("a").empty());
}

TEST_F(WatchTableTest, a_directory_found_under_its_new_name_keeps_it) {
  add("a", 2);
  add("b/c", 2);  // same inode, listed after the move and before its event
  EXPECT_EQ(path(2), "b/c");
  EXPECT_TRUE(table_.move("a", "b/c").empty());
  EXPECT_EQ(path(2), "b/c");
  EXPECT_EQ(table_.find("a"), nullptr);
}

TEST_F(WatchTableTest, nonsense_moves_are_ignored) {
  add("a", 2);
  EXPECT_TRUE(table_.move("missing", "b").empty());
  EXPECT_TRUE(table_.move("a", "a/b").empty());
  EXPECT_EQ(path(2), "a");
}

}  // namespace
}  // namespace twsync
