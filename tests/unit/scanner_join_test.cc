#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "workers/scanner/base_join.h"

namespace twsync {
namespace {

Entry file(uint64_t size, int64_t mtime) {
  Entry e;
  e.kind = Kind::file;
  e.mode = 0644;
  e.size = size;
  e.mtime_ns = mtime;
  e.stamp = {1, size, mtime, mtime};
  return e;
}

class JoinTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-join-XXXXXX";
    dir_ = mkdtemp(name);
    base_ = std::move(BaseStore::open(dir_ + "/base.db", BaseStore::Mode::read_write)).value();
    for (const char* p : {"a", "d/x", "d/y", "e", "z"}) put(p);
  }
  void TearDown() override {
    base_.reset();
    std::filesystem::remove_all(dir_);
  }
  void put(const std::string& path, uint32_t round = 1) {
    BaseRow row;
    row.round = round;
    row.path = path;
    row.agreed = file(5, 100);
    row.agreed.digest = {DigestAlgorithm::xxh3_128_keyed, 1, 1};
    row.code.stamp = row.deploy.stamp = row.agreed.stamp;
    row.code.mode = row.deploy.mode = 0644;
    ASSERT_TRUE(base_->put(row).ok());
  }
  void join(const std::vector<Scope>& scopes, std::vector<PathEntry> listing, const std::vector<Error>& unreadable = {},
            const IgnoreFilter& filter = {}) {
    BaseJoin join(
        Side::code, policy_, *base_, scopes,
        [&](PathEntry&& e) {
          differs_.push_back((e.entry.exists() ? "" : "-") + e.path);
          return Status{};
        },
        [&](PathEntry&& e) {
          read_.push_back(e.path);
          return Status{};
        },
        [&](const BaseRow& row) {
          verified_.push_back(row.path);
          return Status{};
        });
    for (auto& e : listing) ASSERT_TRUE(join.add(std::move(e)).ok());
    ASSERT_TRUE(join.finish(unreadable, filter, ignored_).ok());
  }

  std::string dir_;
  std::unique_ptr<BaseStore> base_;
  Policy policy_;
  std::vector<std::string> differs_, read_, verified_, ignored_;
};

TEST_F(JoinTest, reports_only_what_differs) {
  join({{"", true}},
       {{"a", file(5, 100)}, {"b", file(1, 1)}, {"d/x", file(6, 100)}, {"d/y", file(5, 101)}, {"z", file(5, 100)}});
  EXPECT_EQ(differs_, (std::vector<std::string>{"b", "d/x", "-e"}));
  EXPECT_EQ(read_, (std::vector<std::string>{"d/y"})) << "same size, other stamp: the content decides";
}

TEST_F(JoinTest, after_an_unclean_stop_what_was_recorded_lately_is_read_again) {
  put("d/y", 2);
  put("z", 3);
  policy_.code_doubt = {true, true, 1, 2, 1000};
  const std::vector<PathEntry> listing{
      {"a", file(5, 100)}, {"d/x", file(5, 100)}, {"d/y", file(5, 100)}, {"e", file(5, 100)}, {"z", file(5, 100)}};
  join({{"", true}}, listing);
  EXPECT_TRUE(differs_.empty());
  EXPECT_EQ(verified_, (std::vector<std::string>{"d/y"}));
  verified_.clear();
  policy_.code_doubt.fresh = false;
  join({{"", true}}, listing);
  EXPECT_TRUE(verified_.empty()) << "what the first look settled is the audit's";
}

TEST_F(JoinTest, looks_only_within_the_scopes) {
  join({{"d", true}, {"z", false}}, {{"d/y", file(5, 100)}, {"z", file(5, 100)}});
  EXPECT_EQ(differs_, (std::vector<std::string>{"-d/x"}));
}

TEST_F(JoinTest, what_could_not_be_read_is_unknown_not_deleted) {
  join({{"", true}}, {{"a", file(5, 100)}, {"z", file(5, 100)}}, {Error{ErrorCode::denied, "", "d", 13}});
  EXPECT_EQ(differs_, (std::vector<std::string>{"-e"}));
}

TEST_F(JoinTest, rows_that_became_ignored_are_dropped_not_deleted) {
  IgnoreFilter filter({IgnoreRules({"e"})}, {});
  join({{"", true}}, {{"a", file(5, 100)}, {"d/x", file(5, 100)}, {"d/y", file(5, 100)}, {"z", file(5, 100)}}, {},
       filter);
  EXPECT_TRUE(differs_.empty());
  EXPECT_EQ(ignored_, (std::vector<std::string>{"e"}));
}

}  // namespace
}  // namespace twsync
