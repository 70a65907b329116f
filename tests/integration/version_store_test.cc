#include "common/fs/version_care.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

constexpr int64_t kDay = 86'400 * kSecond;

class HandClock final : public Clock {
 public:
  int64_t wall_ns() override { return now; }
  int64_t steady_ns() override { return now; }
  int64_t now = 1'700'000'000 * kSecond;
};

class VersionStoreTest : public ::testing::Test {
 protected:
  VersionStoreTest() : fd_(::open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY)) { store_ = open(); }

  std::unique_ptr<VersionStore> open() {
    auto store = VersionStore::open(fd_.get(), clock_);
    EXPECT_TRUE(store);
    return std::move(store).value();
  }
  // A version as a displaced file leaves it.
  std::string add(const std::string& path, LoserCause cause, const std::string& bytes = "x") {
    VersionRecord record;
    record.path = path;
    record.cause = cause;
    record.entry.kind = Kind::file;
    record.entry.size = bytes.size();
    record.entry.mtime_ns = kOldTime;
    const auto id = store_->reserve_durably(record);
    write_file(dir_ / *id, bytes);
    set_mtime(dir_ / *id, kOldTime);
    return *id;
  }
  std::vector<std::string> ids(const std::string& prefix = "") {
    std::vector<std::string> out;
    const auto versions = store_->list(prefix);
    for (const VersionRecord& record : *versions) out.push_back(record.id);
    return out;
  }

  // As an hour later, when nothing waits for its second look any more.
  Result<CareReport> tend(const VersionLimits& limits = {}) {
    clock_.now += 61 * kSecond;
    return VersionCare(*store_, HashKey{}, clock_).tend(limits);
  }

  /// Day by day; how many versions went.
  uint64_t tend_for_days(int days) {
    uint64_t removed = 0;
    for (int n = 0; n < days; ++n) {
      clock_.now += kDay;
      removed += tend()->removed;
    }
    return removed;
  }

  TempDir dir_;
  HandClock clock_;
  UniqueFd fd_;
  std::unique_ptr<VersionStore> store_;
};

TEST_F(VersionStoreTest, lists_what_was_filled_by_path_and_time) {
  const std::string a = add("d/a", LoserCause::ordinary);
  clock_.now += kSecond;
  const std::string b = add("d", LoserCause::conflict);
  const std::string c = add("de", LoserCause::conflict);
  std::vector<VersionRecord> reserved(1);
  reserved[0].path = "d/never filled";
  ASSERT_TRUE(store_->reserve(reserved).ok());
  EXPECT_EQ(ids(), (std::vector<std::string>{a, b, c}));
  EXPECT_EQ(ids("d"), (std::vector<std::string>{a, b}));
  EXPECT_EQ(store_->find(a)->path, "d/a");
  EXPECT_FALSE(store_->find("nothing"));
  EXPECT_TRUE(store_->open_source(a));
  EXPECT_FALSE(store_->open_source("../" + a));
  EXPECT_FALSE(store_->open_source("index"));
}

TEST_F(VersionStoreTest, a_torn_line_hides_nothing_that_came_after) {
  const std::string a = add("a", LoserCause::ordinary);
  {
    const UniqueFd index(::open((dir_ / "index").c_str(), O_WRONLY | O_APPEND));
    ASSERT_EQ(::write(index.get(), "v1\t0000torn", 11), 11);
  }
  const std::string b = add("b", LoserCause::ordinary);
  EXPECT_EQ(ids(), (std::vector<std::string>{a, b}));
}

TEST_F(VersionStoreTest, several_writers_lose_no_line_while_the_index_is_compacted) {
  std::vector<std::thread> writers;
  std::mutex mutex;
  std::set<std::string> expected;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      auto store = open();
      for (int i = 0; i < 100; ++i) {
        std::vector<VersionRecord> records(1);
        records[0].path = std::to_string(w) + "/" + std::to_string(i);
        ASSERT_TRUE(store->reserve(records).ok());
        write_file(dir_ / records[0].id, "x");
        std::lock_guard lock(mutex);
        expected.insert(records[0].id);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    // Each removal compacts.
    const std::string id = add("again", LoserCause::conflict);
    const auto removed = store_->remove({*store_->find(id)});
    ASSERT_TRUE(removed);
    ASSERT_EQ(*removed, 1U);
  }
  for (std::thread& writer : writers) writer.join();
  const auto found = ids();
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), expected);
}

TEST_F(VersionStoreTest, ordinary_versions_thin_out_but_the_last_stay) {
  std::vector<std::string> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(add("busy", LoserCause::ordinary));
    clock_.now += 60 * kSecond;
  }
  const std::string conflict = add("busy", LoserCause::conflict);
  const auto report = tend();
  ASSERT_TRUE(report);
  const auto left = ids();
  // The last five, one in five minutes of the others, and the precious one.
  EXPECT_EQ(left,
            (std::vector<std::string>{all[0], all[5], all[10], all[15], all[16], all[17], all[18], all[19], conflict}));
  EXPECT_EQ(report->removed, 12U);
}

TEST_F(VersionStoreTest, over_the_limit_ordinary_ones_go_first_and_precious_ones_stay) {
  const std::string bytes(100'000, 'x');
  const std::string conflict = add("a", LoserCause::conflict, bytes);
  const std::string old_one = add("b", LoserCause::ordinary, bytes);
  const std::string new_one = add("c", LoserCause::ordinary, bytes);
  VersionLimits limits;
  limits.keep_bytes = 250'000;
  EXPECT_FALSE(tend(limits)->precious_over_limit);
  EXPECT_EQ(ids(), (std::vector<std::string>{conflict, new_one}));
  limits.keep_bytes = 1000;
  EXPECT_TRUE(tend(limits)->precious_over_limit);
  EXPECT_EQ(ids(), (std::vector<std::string>{conflict}));
}

TEST_F(VersionStoreTest, over_the_limit_the_last_five_of_a_path_go_last) {
  const std::string bytes(100'000, 'x');
  std::vector<std::string> busy;
  for (int i = 0; i < 7; ++i) {
    busy.push_back(add("busy", LoserCause::ordinary, bytes));
    clock_.now += 600 * kSecond;
  }
  const std::string quiet = add("quiet", LoserCause::ordinary, bytes);
  VersionLimits limits;
  limits.keep_bytes = 650'000;
  EXPECT_EQ(tend(limits)->removed, 2U);
  EXPECT_EQ(ids(), (std::vector<std::string>{busy[2], busy[3], busy[4], busy[5], busy[6], quiet}));
  limits.keep_bytes = 150'000;
  EXPECT_EQ(tend(limits)->removed, 5U);
  EXPECT_EQ(ids(), (std::vector<std::string>{quiet}));
}

TEST_F(VersionStoreTest, a_removed_directory_is_its_line_until_its_days_are_over) {
  std::vector<VersionRecord> directories(2);
  for (VersionRecord& record : directories) {
    record.path = "d";
    record.how = Displaced::removed;
    record.entry.kind = Kind::directory;
    record.entry.mode = 02750;
    record.entry.owner = Name("som\tebody");
    record.entry.xattrs = Name(std::string_view("\0x\n", 3));
  }
  ASSERT_TRUE(store_->reserve(directories).ok());
  EXPECT_TRUE(ids().empty()) << "reserved, but nothing was removed";
  ASSERT_TRUE(store_->settle({{directories[0].id, {7, 4096, 1, 2}}}).ok());
  const std::string id = directories[0].id;
  EXPECT_EQ(ids(), (std::vector<std::string>{id}));
  clock_.now += 2 * 3'600 * kSecond;
  for (int n = 0; n < 150; ++n) ASSERT_TRUE(store_->amend(*store_->find(id)).ok());  // enough to be compacted
  ASSERT_TRUE(tend());
  ASSERT_EQ(ids(), (std::vector<std::string>{id}));
  const VersionRecord kept = *store_->find(id);
  EXPECT_EQ(kept.entry.mode, 02750U);
  EXPECT_EQ(kept.entry.owner.str(), "som\tebody");
  EXPECT_EQ(kept.entry.xattrs.str(), std::string("\0x\n", 3));
  EXPECT_EQ(kept.stored, (Stamp{7, 4096, 1, 2}));
  EXPECT_FALSE(store_->find(directories[1].id)) << "never filled";
  EXPECT_EQ(tend_for_days(31), 1U);
  EXPECT_TRUE(ids().empty());
}

TEST_F(VersionStoreTest, a_copy_that_a_crash_left_goes_after_a_while) {
  write_file(dir_ / "copy-0001", "half");
  clock_.now = SystemClock().wall_ns();
  ASSERT_TRUE(tend());
  EXPECT_TRUE(stands(dir_ / "copy-0001"));
  clock_.now += 2 * 3'600 * kSecond;
  ASSERT_TRUE(tend());
  EXPECT_FALSE(stands(dir_ / "copy-0001"));
}

TEST_F(VersionStoreTest, everything_goes_after_its_days) {
  add("a", LoserCause::conflict);
  EXPECT_EQ(tend_for_days(29), 0U);
  const std::string fresh = add("a", LoserCause::ordinary);
  EXPECT_EQ(tend_for_days(2), 1U);
  EXPECT_EQ(ids(), (std::vector<std::string>{fresh}));
}

TEST_F(VersionStoreTest, a_clock_that_jumps_makes_nothing_old) {
  const std::string before = add("a", LoserCause::conflict);
  ASSERT_TRUE(tend());
  const int64_t right = clock_.now;
  clock_.now += 4'000 * kDay;
  const std::string ahead = add("a", LoserCause::conflict);
  EXPECT_EQ(tend()->removed, 0U);
  clock_.now = right - 400 * kDay;
  const std::string behind = add("a", LoserCause::conflict);
  EXPECT_EQ(tend()->removed, 0U);
  clock_.now = right;
  EXPECT_EQ(tend()->removed, 0U);
  EXPECT_EQ(tend_for_days(29), 0U);
  EXPECT_EQ(tend_for_days(2), 3U);
}

TEST_F(VersionStoreTest, what_its_line_is_lost_of_gets_another) {
  const std::string lost = add("a", LoserCause::conflict);
  ASSERT_EQ(::unlink((dir_ / "index").c_str()), 0);
  store_ = open();
  clock_.now += kSecond;
  const std::string known = add("b", LoserCause::conflict);
  write_file(dir_ / "a file of somebody", "x");
  ASSERT_EQ(ids(), (std::vector<std::string>{lost, known}));
  const VersionRecord adopted = *store_->find(lost);
  EXPECT_EQ(adopted.cause, LoserCause::foreign);
  EXPECT_EQ(adopted.path, "");
  EXPECT_EQ(adopted.entry.size, 1U);
  EXPECT_EQ(adopted.time_ns, 1'700'000'000 * kSecond) << "its id says when";
  EXPECT_EQ(store_->find(known)->path, "b");
  EXPECT_EQ(tend_for_days(31), 2U);
}

TEST_F(VersionStoreTest, a_damaged_line_hides_nothing) {
  const std::string id = add("path", LoserCause::conflict);
  std::string text = read_file(dir_ / "index");
  text[text.find("path")] ^= 1;
  write_file(dir_ / "index", text);
  EXPECT_TRUE(ids().empty());
  ASSERT_TRUE(tend());
  EXPECT_EQ(ids(), (std::vector<std::string>{id}));
}

}  // namespace
}  // namespace twsync
