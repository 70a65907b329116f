#include "common/store/sqlite_db.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

namespace twsync {
namespace {

class SqliteDbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-sqlite-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string file() const { return dir_ + "/a.db"; }
  SqliteDb opened() {
    auto db = SqliteDb::open(file(), {});
    EXPECT_TRUE(db.ok()) << (db.ok() ? "" : describe(db.error()));
    return std::move(db).value();
  }
  std::string dir_;
};

TEST_F(SqliteDbTest, values_come_back_as_bound) {
  SqliteDb db = opened();
  ASSERT_TRUE(db.exec("CREATE TABLE t(a INTEGER, b INTEGER, c BLOB, d TEXT, e BLOB, f BLOB)").ok());
  const std::string raw("a\0\xff/b", 5);
  auto insert = db.prepare("INSERT INTO t VALUES(?,?,?,?,?,?)");
  ASSERT_TRUE(insert.ok());
  insert->bind(1, -7)
      .bind_u64(2, std::numeric_limits<uint64_t>::max())
      .bind_blob(3, raw)
      .bind_text(4, "text")
      .bind_null(5)
      .bind_blob(6, {});
  ASSERT_TRUE(insert->run().ok());

  auto select = db.prepare("SELECT * FROM t");
  ASSERT_TRUE(select.ok());
  auto row = select->step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(select->column_int(0), -7);
  EXPECT_EQ(select->column_u64(1), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(select->column_bytes(2), raw);
  EXPECT_EQ(select->column_bytes(3), "text");
  EXPECT_TRUE(select->column_is_null(4));
  EXPECT_FALSE(select->column_is_null(5));
  auto end = select->step();
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(*end);
}

TEST_F(SqliteDbTest, transaction_rolls_back_unless_committed) {
  SqliteDb db = opened();
  ASSERT_TRUE(db.exec("CREATE TABLE t(a INTEGER)").ok());
  {
    auto dropped = Transaction::begin(db);
    ASSERT_TRUE(dropped.ok());
    ASSERT_TRUE(db.exec("INSERT INTO t VALUES(1)").ok());
  }
  EXPECT_EQ(*db.query_int("SELECT count(*) FROM t"), 0);
  auto kept = Transaction::begin(db);
  ASSERT_TRUE(kept.ok());
  ASSERT_TRUE(db.exec("INSERT INTO t VALUES(1)").ok());
  ASSERT_TRUE(kept->commit().ok());
  SqliteDb again = opened();
  EXPECT_EQ(*again.query_int("SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteDbTest, no_database_is_corrupt) {
  std::ofstream(file()) << std::string(8192, 'x');
  auto db = SqliteDb::open(file(), {});
  ASSERT_FALSE(db.ok());
  EXPECT_EQ(db.error().code, ErrorCode::corrupt);
}

TEST_F(SqliteDbTest, a_second_writer_is_busy) {
  SqliteDb first = opened();
  auto second = SqliteDb::open(file(), {.busy_timeout_ms = 1});
  ASSERT_TRUE(second.ok());
  auto held = Transaction::begin(first);
  ASSERT_TRUE(held.ok());
  auto refused = Transaction::begin(*second);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
}

TEST_F(SqliteDbTest, read_only_neither_creates_nor_writes) {
  for (const std::string& missing : {file(), file() + "/below/nothing"}) {
    EXPECT_EQ(SqliteDb::open(missing, {.read_only = true}).error().code, ErrorCode::not_found) << missing;
  }
  EXPECT_FALSE(std::filesystem::exists(file()));
  { ASSERT_TRUE(opened().exec("CREATE TABLE t(a)").ok()); }
  auto reader = SqliteDb::open(file(), {.read_only = true});
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->exec("INSERT INTO t VALUES(1)").error().code, ErrorCode::denied);
}

TEST_F(SqliteDbTest, file_is_private_whatever_the_umask) {
  const mode_t old = ::umask(0);
  { ASSERT_TRUE(opened().quick_check().ok()); }
  ::umask(old);
  struct stat st {};
  ASSERT_EQ(::stat(file().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777U, 0600U);
}

TEST_F(SqliteDbTest, a_bad_bind_is_told_by_step) {
  SqliteDb db = opened();
  auto statement = db.prepare("SELECT ?");
  ASSERT_TRUE(statement.ok());
  statement->bind(9, 1);
  EXPECT_FALSE(statement->step().ok());
}

}  // namespace
}  // namespace twsync
