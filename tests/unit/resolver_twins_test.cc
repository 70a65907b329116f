#include "workers/resolver/twins.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace twsync {
namespace {

constexpr uint64_t kSize = 100'000;

class TwinsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-twins-XXXXXX";
    dir_ = mkdtemp(name);
    work_.base = std::move(BaseStore::open(dir_ + "/base.db", BaseStore::Mode::read_write)).value();
  }
  void TearDown() override {
    work_.base.reset();
    std::filesystem::remove_all(dir_);
  }

  void agree(const std::string& path, uint64_t size, uint64_t content) {
    BaseRow row;
    row.path = path;
    row.agreed.kind = Kind::file;
    row.agreed.size = size;
    row.agreed.digest = {DigestAlgorithm::xxh3_128_keyed, content, content};
    ASSERT_TRUE(work_.base->put(row).ok());
  }
  static Operation put(const std::string& path, uint64_t size = kSize) {
    Operation op;
    op.id = 7;
    op.kind = OpKind::put_file;
    op.side = Side::deploy;
    op.path = path;
    op.desired.kind = Kind::file;
    op.desired.size = size;
    return op;
  }
  std::vector<std::string> offered(const Operation& op) {
    Batch batch;
    batch.side = Side::deploy;
    batch.operations = {op};
    EXPECT_TRUE(offer_twins(work_, batch).ok());
    std::vector<std::string> paths;
    for (const Twin& twin : batch.twins) {
      EXPECT_EQ(twin.op, op.id);
      paths.push_back(twin.path);
    }
    return paths;
  }
  using Paths = std::vector<std::string>;

  std::string dir_;
  PairWork work_;
};

TEST_F(TwinsTest, files_of_that_size_each_content_once) {
  agree("a/big", kSize, 1);
  agree("b/big", kSize, 1);
  agree("b/larger", kSize + 1, 2);
  agree("c/other", kSize, 3);
  EXPECT_EQ(offered(put("new")), (Paths{"a/big", "c/other"}));
}

TEST_F(TwinsTest, the_same_name_comes_first) {
  agree("a/first", kSize, 1);
  agree("d/wanted", kSize, 2);
  EXPECT_EQ(offered(put("d2/wanted")), (Paths{"d/wanted", "a/first"}));
}

TEST_F(TwinsTest, a_known_digest_leaves_the_one) {
  agree("a", kSize, 1);
  agree("b", kSize, 2);
  Operation op = put("new");
  op.desired.digest = {DigestAlgorithm::xxh3_128_keyed, 2, 2};
  EXPECT_EQ(offered(op), Paths{"b"});
}

TEST_F(TwinsTest, what_changed_on_the_target_is_left_out) {
  agree("a", kSize, 1);
  work_.pending.set(Side::code, "a", Entry{});
  EXPECT_EQ(offered(put("new")), Paths{"a"}) << "gone from the source alone";
  work_.pending.set(Side::deploy, "a", Entry{});
  EXPECT_EQ(offered(put("new")), Paths{});
}

TEST_F(TwinsTest, small_files_and_edits_in_place_have_none) {
  agree("small", kLargeFile - 1, 1);
  agree("least", kLargeFile, 2);
  agree("big", kSize, 3);
  EXPECT_EQ(offered(put("new", kLargeFile - 1)), Paths{});
  EXPECT_EQ(offered(put("new", kLargeFile)), Paths{"least"});
  Operation op = put("edited");
  op.expected = op.desired;
  EXPECT_EQ(offered(op), Paths{});
  op.expected.size = 5;
  EXPECT_EQ(offered(op), Paths{"big"});
}

TEST_F(TwinsTest, what_failed_travels_until_it_was_put) {
  agree("a", kSize, 1);
  OpResult result;
  result.code = ErrorCode::stale;
  note_uncopied(work_, put("new"), result);
  EXPECT_EQ(offered(put("new")), Paths{});
  EXPECT_EQ(offered(put("newer")), Paths{"a"});
  result.code = ErrorCode::ok;
  note_uncopied(work_, put("new"), result);
  EXPECT_EQ(offered(put("new")), Paths{"a"});
}

TEST_F(TwinsTest, what_the_batch_puts_before_is_offered) {
  Batch batch;
  batch.side = Side::deploy;
  batch.operations = {put("a/x"), put("a/y"), put("a/z", kSize + 1), put("b/y")};
  for (uint32_t n = 0; n < batch.operations.size(); ++n) batch.operations[n].id = n;
  ASSERT_TRUE(offer_twins(work_, batch).ok());
  ASSERT_EQ(batch.twins.size(), 3U);
  const std::vector<std::pair<uint32_t, std::string>> expected = {{1, "a/x"}, {3, "a/y"}, {3, "a/x"}};
  for (size_t n = 0; n < expected.size(); ++n) {
    EXPECT_EQ(batch.twins[n].op, expected[n].first);
    EXPECT_EQ(batch.twins[n].path, expected[n].second);
    EXPECT_FALSE(batch.twins[n].digest.known());
  }
}

TEST_F(TwinsTest, the_first_of_a_size_goes_first) {
  std::vector<Operation> stage = {put("gone before"), put("a"),         put("b"), put("larger", kSize + 1),
                                  put("grouped"),     put("small", 10), put("c"), put("small too", 10)};
  stage[4].group = 1;
  stage.push_back(put("to code"));
  stage.back().side = Side::code;
  const CopiesLast order = copies_last(stage, 1, stage.size());
  const auto paths = [](const std::vector<const Operation*>& operations) {
    Paths out;
    for (const Operation* op : operations) out.push_back(op->path);
    return out;
  };
  EXPECT_EQ(paths(order.first), (Paths{"a", "larger", "grouped", "small", "small too", "to code"}));
  EXPECT_EQ(paths(order.copies), (Paths{"b", "c"}));
  EXPECT_EQ(order.copied_bytes, 2 * kSize);
}

TEST_F(TwinsTest, a_message_holds_so_many) {
  const std::string deep(4000, 'd');
  for (uint64_t n = 0; n < 8; ++n) agree(deep + std::to_string(n), kSize, n);
  Batch batch;
  batch.side = Side::deploy;
  batch.operations.assign(500, put("new"));
  ASSERT_TRUE(offer_twins(work_, batch).ok());
  EXPECT_GT(batch.twins.size(), 200U);
  EXPECT_LT(encode(batch).size(), 2U << 20U);
}

}  // namespace
}  // namespace twsync
