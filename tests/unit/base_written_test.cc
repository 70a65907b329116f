// Which rows were written since a mark (FORMAT.md, "Written"): in any doubt, all of them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "common/store/base_store.h"

namespace twsync {
namespace {

using Paths = std::vector<std::string>;

class BaseWrittenTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-written-XXXXXX";
    dir_ = mkdtemp(name);
    store_ = open(BaseStore::Mode::read_write);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }
  std::unique_ptr<BaseStore> open(BaseStore::Mode mode) {
    return std::move(BaseStore::open(dir_ + "/base.db", mode)).value();
  }
  void put(const std::string& path) {
    BaseRow row;
    row.path = path;
    row.agreed.kind = Kind::file;
    ASSERT_TRUE(store_->put(row).ok());
  }
  void put_many(int count) {
    ASSERT_TRUE(store_->begin(false).ok());
    for (int i = 0; i < count; ++i) put("many/" + std::to_string(i));
    ASSERT_TRUE(store_->commit().ok());
  }
  RowsMark mark() { return store_->rows_mark().value(); }
  std::optional<Paths> since(const RowsMark& mark) { return store_->written_since(mark).value(); }

  std::string dir_;
  std::unique_ptr<BaseStore> store_;
};

TEST_F(BaseWrittenTest, tells_what_was_put_and_dropped) {
  const RowsMark before = mark();
  EXPECT_NE(before.number, 0U) << "a new base has a state that can be named";
  EXPECT_EQ(since(before), Paths{});
  put("d/a");
  ASSERT_TRUE(store_->begin(true).ok());
  put("b");
  ASSERT_TRUE(store_->drop("d/a").ok());
  ASSERT_TRUE(store_->commit().ok());
  EXPECT_EQ(since(before), (Paths{"d/a", "b", "d/a"}));
  EXPECT_EQ(since(mark()), Paths{});
  const auto reader = open(BaseStore::Mode::read_only);
  EXPECT_EQ(reader->written_since(before).value(), (Paths{"d/a", "b", "d/a"}));
}

TEST_F(BaseWrittenTest, what_is_rolled_back_was_not_written) {
  const RowsMark before = mark();
  ASSERT_TRUE(store_->begin(false).ok());
  put("a");
  store_->rollback();
  EXPECT_EQ(mark(), before);
}

TEST_F(BaseWrittenTest, many_at_once_are_anything) {
  const RowsMark before = mark();
  put_many(64);
  EXPECT_EQ(since(before)->size(), 64U);
  put_many(65);
  EXPECT_EQ(since(before), std::nullopt);
  const RowsMark then = mark();
  put_many(10'000);
  EXPECT_EQ(since(then), std::nullopt);
  put("one more");
  EXPECT_EQ(since(then), std::nullopt) << "not only what came last";
}

TEST_F(BaseWrittenTest, clearing_is_anything) {
  const RowsMark before = mark();
  ASSERT_TRUE(store_->clear_rows().ok());
  EXPECT_EQ(since(before), std::nullopt);
}

TEST_F(BaseWrittenTest, a_mark_of_long_ago_is_not_known_any_more) {
  const RowsMark before = mark();
  for (int i = 0; i < 100; ++i) put_many(50);
  EXPECT_EQ(since(before), std::nullopt);
  const RowsMark then = mark();
  put_many(50);
  EXPECT_EQ(since(then)->size(), 50U);
}

TEST_F(BaseWrittenTest, a_copy_that_went_on_by_itself_is_another_base) {
  put("a");
  store_.reset();
  std::filesystem::copy(dir_ + "/base.db", dir_ + "/copy.db");
  store_ = open(BaseStore::Mode::read_write);
  put("here");
  const RowsMark here = mark();
  store_.reset();
  std::filesystem::copy(dir_ + "/copy.db", dir_ + "/base.db", std::filesystem::copy_options::overwrite_existing);
  store_ = open(BaseStore::Mode::read_write);
  EXPECT_EQ(since(here), std::nullopt) << "an old backup";
  put("there");
  EXPECT_EQ(mark().number, here.number);
  EXPECT_EQ(since(here), std::nullopt);
}

TEST_F(BaseWrittenTest, reads_see_one_state_until_the_end) {
  put("a");
  const auto reader = open(BaseStore::Mode::read_only);
  ASSERT_TRUE(reader->begin_reading().ok());
  const RowsMark then = reader->rows_mark().value();
  put("b");
  EXPECT_EQ(reader->rows_mark().value(), then);
  EXPECT_FALSE(reader->find("b").value().has_value());
  reader->rollback();
  EXPECT_TRUE(reader->find("b").value().has_value());
}

TEST_F(BaseWrittenTest, a_cursor_goes_past_a_path_and_no_further) {
  for (const char* path : {"a", "a/b", "a.b", "b", "c"}) put(path);
  const auto cursor = store_->rows({"", true}).value();
  const auto next = [&]() -> std::string {
    BaseRow row;
    return cursor->next(row).value() ? row.path : "-";
  };
  EXPECT_EQ(next(), "a");
  cursor->skip_past("a");
  EXPECT_EQ(next(), "a/b");
  cursor->skip_past("a/zzz");
  EXPECT_EQ(next(), "a.b");
  cursor->skip_past("b");
  EXPECT_EQ(next(), "c");
  cursor->skip_past("c");
  EXPECT_EQ(next(), "-");
}

TEST_F(BaseWrittenTest, a_file_of_schema_3_gets_a_mark_from_its_first_writer) {
  store_.reset();
  std::filesystem::copy_file(TWSYNC_GOLDEN "/base-schema-3.db", dir_ + "/base.db",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(open(BaseStore::Mode::read_only)->rows_mark().value().number, 0U);
  store_ = open(BaseStore::Mode::read_write);
  const RowsMark before = mark();
  EXPECT_NE(before.number, 0U);
  EXPECT_GT(store_->count().value(), 0U);
  put("x");
  EXPECT_EQ(since(before), Paths{"x"});
}

}  // namespace
}  // namespace twsync
