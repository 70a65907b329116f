#include "common/store/queue_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace twsync {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000'000;

class QueueStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-queue-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    path_ = dir_ + "/queue.db";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  QueueStore::Opened open() {
    auto opened = QueueStore::open(path_, kNow);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : describe(opened.error()));
    return std::move(opened).value();
  }
  static Hint hint(const std::string& pair, const std::string& path) {
    return {HintSource::inotify, pair, Side::code, path, false, "", false};
  }
  static Request request(const std::string& id) {
    Request r;
    r.id = id;
    r.pair = "a";
    return r;
  }
  std::string dir_, path_;
};

TEST_F(QueueStoreTest, committed_things_come_back_in_order_and_the_rest_does_not) {
  {
    QueueStore store = open().store;
    ASSERT_TRUE(store.begin().ok());
    ASSERT_TRUE(store.add_hints({hint("a", "1"), hint("b", std::string("\xff\n\0", 3)), hint("a", "2")}).ok());
    ASSERT_TRUE(store.add_request(request("r2")).ok());
    ASSERT_TRUE(store.add_request(request("r1")).ok());
    ASSERT_TRUE(store.add_request(request("r2")).ok());
    ASSERT_TRUE(store.commit().ok());
    ASSERT_TRUE(store.begin().ok());
    ASSERT_TRUE(store.add_hints({hint("a", "never")}).ok());
    store.rollback();
  }
  auto contents = open().store.load();
  ASSERT_TRUE(contents.ok());
  ASSERT_EQ(contents->hints.size(), 3U);
  EXPECT_EQ(contents->hints[1].hint.path, std::string("\xff\n\0", 3));
  EXPECT_LT(contents->hints[0].id, contents->hints[2].id);
  ASSERT_EQ(contents->requests.size(), 2U);
  EXPECT_EQ(contents->requests[0].id, "r2");
}

TEST_F(QueueStoreTest, the_end_of_a_lease_takes_only_its_own) {
  QueueStore store = open().store;
  ASSERT_TRUE(store.begin().ok());
  const uint64_t bound = *store.add_hints({hint("b", "x"), hint("a", "1")});
  ASSERT_TRUE(store.add_hints({hint("a", "later")}).ok());
  ASSERT_TRUE(store.add_request(request("r1")).ok());
  ASSERT_TRUE(store.add_request(request("r2")).ok());
  LeaseEnd end;
  end.pair = "a";
  end.bound = bound;
  end.requests = {{"r1", "event"}};
  end.last_summary.emplace().operations = 3;
  end.now_wall_ns = kNow;
  ASSERT_TRUE(store.end_lease(end).ok());
  ASSERT_TRUE(store.commit().ok());
  auto contents = store.load();
  ASSERT_TRUE(contents.ok());
  ASSERT_EQ(contents->hints.size(), 2U);
  EXPECT_EQ(contents->hints[0].hint.pair, "b");
  EXPECT_EQ(contents->hints[1].hint.path, "later");
  ASSERT_EQ(contents->requests.size(), 1U);
  EXPECT_EQ(contents->requests[0].id, "r2");
  EXPECT_EQ(contents->pairs[0].last_summary->operations, 3U);
  EXPECT_EQ(**store.done_event("r1"), "event");
  EXPECT_FALSE(store.done_event("r2")->has_value());
}

TEST_F(QueueStoreTest, keys_are_kept_until_a_day_after_their_end) {
  QueueStore store = open().store;
  const auto change = [&](auto&& call) {
    ASSERT_TRUE(store.begin().ok());
    ASSERT_TRUE(call().ok());
    ASSERT_TRUE(store.commit().ok());
  };
  uint64_t row = 0;
  change([&] { return store.add_hints({hint("a", "1")}).ok() ? Status{} : Status{Error{}}; });
  row = 1;
  change([&] { return store.add_key("k", "a", row); });
  change([&] { return store.purge(kNow + 100 * QueueStore::kKeepNs); });
  EXPECT_TRUE(*store.has_key("k")) << "not done yet";
  LeaseEnd end;
  end.pair = "a";
  end.bound = row;
  end.now_wall_ns = kNow;
  change([&] { return store.end_lease(end); });
  change([&] { return store.purge(kNow + QueueStore::kKeepNs); });
  EXPECT_TRUE(*store.has_key("k"));
  change([&] { return store.purge(kNow + QueueStore::kKeepNs + 1); });
  EXPECT_FALSE(*store.has_key("k"));
}

TEST_F(QueueStoreTest, compaction_replaces_what_lies_above) {
  QueueStore store = open().store;
  ASSERT_TRUE(store.begin().ok());
  const uint64_t leased = *store.add_hints({hint("a", "leased")});
  ASSERT_TRUE(store.add_hints({hint("a", "1"), hint("a", "2"), hint("b", "x")}).ok());
  auto last = store.compact("a", leased, {hint("a", "")});
  ASSERT_TRUE(last.ok());
  ASSERT_TRUE(store.commit().ok());
  auto contents = store.load();
  ASSERT_EQ(contents->hints.size(), 3U);
  EXPECT_EQ(contents->hints[0].hint.path, "leased");
  EXPECT_EQ(contents->hints[1].hint.pair, "b");
  EXPECT_EQ(contents->hints[2].id, *last);
}

TEST_F(QueueStoreTest, epochs_only_rise) {
  EXPECT_EQ(*open().store.next_epoch(40), 40U);
  EXPECT_EQ(*open().store.next_epoch(5), 41U);
}

TEST_F(QueueStoreTest, a_damaged_file_is_moved_aside_and_asks_for_a_rescan_until_that_is_journaled) {
  for (const char* how : {"garbage", "flipped", "row"}) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    {
      QueueStore store = open().store;
      ASSERT_TRUE(store.begin().ok());
      for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(store.add_hints({hint("a", std::string(200, 'p') + std::to_string(i))}).ok());
      ASSERT_TRUE(store.commit().ok());
    }
    if (how == std::string("garbage")) {
      std::ofstream(path_) << std::string(10'000, 'x');
    } else if (how == std::string("flipped")) {
      std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
      for (std::streamoff at = 8192; at < 60'000; at += 1024) {
        file.seekp(at);
        file << "\x99\x99\x99\x99\x99\x99\x99\x99";
      }
    } else {
      auto db = SqliteDb::open(path_, {});
      ASSERT_TRUE(db->exec("UPDATE hints SET hint = x'c1' WHERE id = 7").ok());
    }
    {
      auto opened = open();
      EXPECT_TRUE(opened.recovered) << how;
      EXPECT_TRUE(std::filesystem::exists(opened.moved_to)) << how;
      EXPECT_TRUE(opened.store.load()->hints.empty());
    }
    {
      auto again = open();
      EXPECT_TRUE(again.recovered) << "the rescan was not journaled yet";
      ASSERT_TRUE(again.store.recovery_done().ok());
    }
    EXPECT_FALSE(open().recovered);
  }
}

TEST_F(QueueStoreTest, a_newer_releases_file_is_left_alone) {
  { ASSERT_TRUE(SqliteDb::open(path_, {})->set_user_version(99).ok()); }
  auto opened = QueueStore::open(path_, kNow);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_EQ(*SqliteDb::open(path_, {})->user_version(), 99);
}

}  // namespace
}  // namespace twsync
