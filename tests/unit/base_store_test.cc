#include "common/store/base_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/store/sqlite_db.h"

namespace twsync {
namespace {

class BaseStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-base-XXXXXX";
    dir_ = mkdtemp(name);
    path_ = dir_ + "/base.db";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  static BaseRow row(const std::string& path) {
    BaseRow r;
    r.path = path;
    r.agreed.kind = Kind::file;
    r.agreed.size = 5;
    r.agreed.mtime_ns = -3;
    r.agreed.digest = {DigestAlgorithm::xxh3_128_keyed, 1, ~0ULL};
    r.agreed.owner = Name("root");
    r.code.stamp = {~0ULL, 5, -3, 4};
    r.deploy.owner = Name("#77");
    r.round = 7;
    return r;
  }

  std::vector<std::string> paths(BaseStore& store, const Scope& scope) {
    auto cursor = store.rows(scope);
    EXPECT_TRUE(cursor.ok());
    std::vector<std::string> out;
    BaseRow r;
    for (;;) {
      auto more = (*cursor)->next(r);
      EXPECT_TRUE(more.ok());
      if (!more.ok() || !*more) return out;
      out.push_back(r.path);
    }
  }

  std::string dir_, path_;
};

TEST_F(BaseStoreTest, small_facts_are_remembered_beside_a_reader) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(*(*store)->remembered("window"), "") << "nothing was ever remembered";
  ASSERT_TRUE((*store)->begin(false).ok());
  ASSERT_TRUE((*store)->remember("window", std::string("a\0b", 3)).ok());
  (*store)->rollback();
  EXPECT_EQ(*(*store)->remembered("window"), "") << "rolled back with the rows that it belongs to";
  ASSERT_TRUE((*store)->remember("window", std::string("a\0b", 3)).ok());
  ASSERT_TRUE((*store)->remember("window", "new").ok());
  const auto reader = BaseStore::open(path_, BaseStore::Mode::read_only);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(*(*reader)->remembered("window"), "new");
  EXPECT_EQ(*(*reader)->remembered("other"), "");
}

TEST_F(BaseStoreTest, a_row_comes_back_whole) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->put(row("a/\xff\n")).ok());
  auto found = (*store)->find("a/\xff\n");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ(encode_row(**found), encode_row(row("a/\xff\n")));
  EXPECT_EQ((*found)->code.stamp.inode, ~0ULL);
  EXPECT_FALSE((*store)->find("a")->has_value());
}

TEST_F(BaseStoreTest, ranges_are_subtrees_in_path_order) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  for (const char* p : {"", "a-b", "a", "a/x", "a/x/y", "ab", "a/w"}) ASSERT_TRUE((*store)->put(row(p)).ok());
  EXPECT_EQ(paths(**store, {"a", true}), (std::vector<std::string>{"a", "a/w", "a/x", "a/x/y"}));
  const auto some = (*store)->rows_after("a/w", 2);
  ASSERT_TRUE(some.ok() && some->size() == 2);
  EXPECT_EQ((*some)[0].path, "a/x");
  EXPECT_EQ((*some)[1].path, "a/x/y");
  EXPECT_TRUE((*store)->rows_after("ab", 2)->empty());
  EXPECT_EQ(paths(**store, {"a", false}), (std::vector<std::string>{"a"}));
  EXPECT_EQ(paths(**store, {"", true}), (std::vector<std::string>{"", "a", "a/w", "a/x", "a/x/y", "a-b", "ab"}));
}

TEST_F(BaseStoreTest, large_files_are_found_by_their_size) {
  const auto put = [](BaseStore& store, const std::string& path, uint64_t size, Kind kind = Kind::file) {
    BaseRow r = row(path);
    r.agreed.kind = kind;
    r.agreed.size = size;
    ASSERT_TRUE(store.put(r).ok());
  };
  const auto found = [](BaseStore& store, uint64_t size, size_t limit = 10) {
    const auto rows = store.large_files(size, limit);
    EXPECT_TRUE(rows.ok());
    std::vector<std::string> out;
    for (const BaseRow& r : *rows) {
      EXPECT_EQ(r.agreed.size, size);
      out.push_back(r.path);
    }
    return out;
  };
  using Paths = std::vector<std::string>;
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  put(**store, "a/big", kLargeFile);
  put(**store, "a/small", kLargeFile - 1);
  put(**store, "d", kLargeFile, Kind::directory);
  EXPECT_EQ(found(**store, kLargeFile), Paths{"a/big"}) << "also what was there before the index";
  put(**store, "b", kLargeFile);
  put(**store, "huge", uint64_t{1} << 50U);
  EXPECT_EQ(found(**store, kLargeFile), (Paths{"a/big", "b"}));
  EXPECT_EQ(found(**store, kLargeFile, 1).size(), 1U);
  EXPECT_EQ(found(**store, uint64_t{1} << 50U), Paths{"huge"});
  EXPECT_EQ(found(**store, kLargeFile - 1), Paths{});
  put(**store, "b", kLargeFile + 256);
  ASSERT_TRUE((*store)->drop("a/big").ok());
  EXPECT_EQ(found(**store, kLargeFile), Paths{});
  EXPECT_EQ(found(**store, kLargeFile + 256), Paths{"b"});
}

TEST_F(BaseStoreTest, uncommitted_writes_are_gone_committed_ones_stay) {
  {
    auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
    ASSERT_TRUE((*store)->begin(true).ok());
    ASSERT_TRUE((*store)->put(row("kept")).ok());
    ASSERT_TRUE((*store)->commit().ok());
    ASSERT_TRUE((*store)->begin(false).ok());
    ASSERT_TRUE((*store)->put(row("lost")).ok());
  }
  auto store = BaseStore::open(path_, BaseStore::Mode::read_only);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(paths(**store, {"", true}), (std::vector<std::string>{"kept"}));
}

TEST_F(BaseStoreTest, a_transaction_that_was_given_up_is_rolled_back_by_the_next) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->begin(true).ok());
  ASSERT_TRUE((*store)->put(row("a")).ok());
  ASSERT_TRUE((*store)->begin(false).ok());
  ASSERT_TRUE((*store)->put(row("b")).ok());
  ASSERT_TRUE((*store)->commit().ok());
  EXPECT_EQ(paths(**store, {"", true}), std::vector<std::string>{"b"});
}

TEST_F(BaseStoreTest, meta_conflicts_and_parked_survive) {
  {
    auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
    BaseMeta meta;
    meta.pair_id = "p1";
    meta.epoch = 9;
    meta.hash_key[3] = 7;
    meta.settled_round = 4;
    meta.deploy_place.mount = "m";
    meta.deploy_recovery = {{true, true, 2, 3, 99}, true, "a/b", 5, 1};
    ASSERT_TRUE((*store)->set_meta(meta).ok());
    ASSERT_TRUE((*store)->add_conflict({"c1", "x\n", 5, "R20", ConflictWinner::code, "v1", true, "text"}).ok());
    ASSERT_TRUE((*store)->put_parked({"p7", ParkedReason::mass_deletion, Side::deploy, 3, {"a", "b"}, "t"}).ok());
  }
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  EXPECT_EQ((*store)->meta()->epoch, 9u);
  EXPECT_EQ((*store)->meta()->hash_key[3], 7);
  EXPECT_EQ((*store)->meta()->settled_round, 4u);
  EXPECT_EQ((*store)->meta()->place(Side::deploy).mount, "m");
  EXPECT_EQ((*store)->meta()->recovery(Side::deploy).doubt, (Doubt{true, true, 2, 3, 99}));
  EXPECT_EQ((*store)->meta()->recovery(Side::deploy).audited, "a/b");
  ASSERT_EQ((*store)->conflicts(10)->size(), 1u);
  EXPECT_EQ((*store)->conflict("c1")->value().path, "x\n");
  ASSERT_TRUE((*store)->close_conflict("x\n").ok());
  EXPECT_FALSE((*store)->conflict("c1")->value().open);
  ASSERT_EQ((*store)->parked()->size(), 1u);
  EXPECT_EQ((*store)->parked()->front().paths.size(), 2u);
  ASSERT_TRUE((*store)->drop_parked("p7").ok());
  EXPECT_TRUE((*store)->parked()->empty());
}

TEST_F(BaseStoreTest, dropped_rows_are_known_until_their_round_is_settled) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE((*store)->remember_dropped(row("d/f")).ok());
  auto found = (*store)->find_dropped("d/f");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ(encode_row(**found), encode_row(row("d/f")));
  EXPECT_FALSE((*store)->find("d/f")->has_value());
  ASSERT_TRUE((*store)->forget_dropped(6).ok());
  EXPECT_TRUE((*store)->find_dropped("d/f")->has_value());
  ASSERT_TRUE((*store)->forget_dropped(7).ok());
  EXPECT_FALSE((*store)->find_dropped("d/f")->has_value());
}

TEST_F(BaseStoreTest, a_file_of_schema_1_is_read_and_brought_up_to_date) {
  std::filesystem::copy_file(TWSYNC_GOLDEN "/base-schema-1.db", path_);
  for (const auto mode : {BaseStore::Mode::read_only, BaseStore::Mode::read_write}) {
    auto store = BaseStore::open(path_, mode);
    ASSERT_TRUE(store.ok());
    EXPECT_EQ((*store)->meta()->pair_id, "072ea673b8856a03");
    EXPECT_TRUE((*store)->meta()->clean_close);
    EXPECT_EQ((*store)->meta()->round, 0u);
    EXPECT_EQ(paths(**store, {"", true}), (std::vector<std::string>{"a", "d", "d/b", "l"}));
    EXPECT_EQ((*store)->find("d/b")->value().agreed.size, 4u);
    EXPECT_EQ((*store)->find("d/b")->value().round, 0u);
  }
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  const uint64_t inode = (*store)->find("d/b")->value().deploy.stamp.inode;
  EXPECT_EQ((*store)->paths_of_inode(Side::deploy, inode).value(), (std::vector<std::string>{"d/b"}));
  ASSERT_TRUE((*store)->put(row("d/b")).ok());
  ASSERT_TRUE((*store)->remember_dropped(row("gone")).ok());
  EXPECT_EQ((*store)->find("d/b")->value().round, 7u);
}

TEST_F(BaseStoreTest, a_damaged_file_is_moved_aside_and_kept) {
  std::ofstream(path_) << std::string(8192, 'x');
  bool moved = false;
  auto store = open_or_replace(path_, moved);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(moved);
  EXPECT_TRUE((*store)->empty());
  EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged-1"));
}

TEST_F(BaseStoreTest, finds_the_names_of_a_file_by_inode_on_each_side) {
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_TRUE(store.ok());
  const auto put = [&](const char* path, uint64_t code, uint64_t deploy) {
    BaseRow r = row(path);
    r.code.stamp.inode = code;
    r.deploy.stamp.inode = deploy;
    ASSERT_TRUE((*store)->put(r).ok());
  };
  put("d/a", 7, 70);
  put("b", 7, ~0ULL);
  put("c", 8, 70);
  const auto names = [&](Side side, uint64_t inode) { return (*store)->paths_of_inode(side, inode).value(); };
  EXPECT_EQ(names(Side::code, 7), (std::vector<std::string>{"b", "d/a"}));
  EXPECT_EQ(names(Side::deploy, 70), (std::vector<std::string>{"c", "d/a"}));
  EXPECT_EQ(names(Side::deploy, ~0ULL), (std::vector<std::string>{"b"}));
  // Kept in step with the rows.
  put("b", 9, 90);
  ASSERT_TRUE((*store)->drop("c").ok());
  BaseRow directory = row("d/a");
  directory.agreed.kind = Kind::directory;
  ASSERT_TRUE((*store)->put(directory).ok());
  EXPECT_TRUE(names(Side::code, 7).empty());
  EXPECT_TRUE(names(Side::deploy, 70).empty());
  EXPECT_EQ(names(Side::code, 9), (std::vector<std::string>{"b"}));
}

TEST_F(BaseStoreTest, a_file_of_schema_2_is_read_and_brought_up_to_date) {
  std::filesystem::copy_file(TWSYNC_GOLDEN "/base-schema-2.db", path_);
  for (const auto mode : {BaseStore::Mode::read_only, BaseStore::Mode::read_write, BaseStore::Mode::read_write}) {
    auto store = BaseStore::open(path_, mode);
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(paths(**store, {"", true}), (std::vector<std::string>{"d", "d/h", "e", "f", "g", "l"}));
    const auto f = (*store)->find("f");
    ASSERT_TRUE(f.ok() && f->has_value());
    EXPECT_EQ((*f)->code.links, 2U);
    EXPECT_EQ((*f)->deploy.owner, Name("root"));
    EXPECT_FALSE((*f)->deploy.apart);
    EXPECT_GT((*f)->round, 0U);
    EXPECT_TRUE((*store)->find("l").value()->agreed.is_symlink());
  }
  auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  const uint64_t inode = (*store)->find("f").value()->code.stamp.inode;
  EXPECT_EQ((*store)->paths_of_inode(Side::code, inode).value(), (std::vector<std::string>{"f", "g"}));
}

TEST_F(BaseStoreTest, a_newer_schema_is_left_alone) {
  { ASSERT_TRUE(SqliteDb::open(path_, {})->set_user_version(99).ok()); }
  const auto store = BaseStore::open(path_, BaseStore::Mode::read_write);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::unsupported);
}

TEST(RowCodec, rejects_every_truncation) {
  BaseRow r;
  r.agreed.kind = Kind::symlink;
  r.agreed.target = "t";
  const std::string whole = encode_row(r);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    BaseRow out;
    EXPECT_FALSE(decode_row(whole.substr(0, cut), out).ok()) << cut;
  }
}

}  // namespace
}  // namespace twsync
