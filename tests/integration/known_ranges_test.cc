// A scan that passes over what it knows finds what a scan finds that knows nothing.
#include "workers/scanner/known_ranges.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/base/clock.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/local_side.h"
#include "tests/support/fs_fixture.h"
#include "workers/scanner/side_scan.h"

namespace twsync {
namespace {

const HashKey kKey{4, 2};

/// What a scan reports: paths, with a '-' before those that are gone.
struct Reported {
  std::set<std::string> paths;
  ChunkOut out() {
    return [this](const ScanChunk& chunk) {
      for (const PathEntry& one : chunk.entries) paths.insert((one.entry.exists() ? "" : "-") + one.path);
      return Status{};
    };
  }
};

/// A side that counts what it lists, and may be told to lie.
class Counted final : public SideReader {
 public:
  explicit Counted(std::unique_ptr<LocalSide> side) : side_(std::move(side)) {}
  Result<SideFacts> facts() override { return side_->facts(); }
  Status claim(const Claim& claim) override { return side_->claim(claim); }
  Result<ListEnd> list(const ListRequest& request, const EntrySink& sink) override {
    if (!lie.empty()) {
      for (const uint32_t number : lie) SYNC_TRY(sink.known(number));
      return ListEnd{};
    }
    return side_->list(request, EntrySink(
                                    [&](std::vector<PathEntry>&& entries) {
                                      listed += entries.size();
                                      return sink(std::move(entries));
                                    },
                                    [&](uint32_t number) {
                                      ++repeated;
                                      return sink.known(number);
                                    }));
  }
  Result<DigestReply> digest(const DigestRequest& request) override { return side_->digest(request); }
  Result<std::string> read_small(const std::string& path) override { return side_->read_small(path); }
  Status flush() override { return side_->flush(); }

  size_t listed = 0, repeated = 0;
  std::vector<uint32_t> lie;

 private:
  std::unique_ptr<LocalSide> side_;
};

class KnownRangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(dir_ / "state");
    const std::string script =
        str("mkdir '", dir_ / "root", "' && cd '", dir_ / "root", "' && mkdir d{0..49} && ", "touch d{0..49}/f{0..99}");
    ASSERT_EQ(std::system(("bash -c \"" + script + "\"").c_str()), 0);
    rules_.base_path = dir_ / "state/base.db";
    rules_.ranges_dir = dir_ / "state";
    rules_.now_ns = clock_.wall_ns();
    base_ = std::move(BaseStore::open(rules_.base_path, BaseStore::Mode::read_write)).value();
    BaseMeta meta;
    meta.hash_key = kKey;
    ASSERT_TRUE(base_->set_meta(meta).ok());
    agree();
  }

  Counted open() {
    RootOptions options;
    options.root = dir_ / "root";
    options.hash_key = kKey;
    return Counted(std::move(LocalSide::open(options, clock_, host_)).value());
  }

  static BaseRow row_of(const PathEntry& listed) {
    BaseRow row;
    row.path = listed.path;
    row.agreed = listed.entry;
    row.agreed.digest = {DigestAlgorithm::xxh3_128_keyed, 1, 1};
    row.code.stamp = row.deploy.stamp = listed.entry.stamp;
    row.code.mode = row.deploy.mode = listed.entry.mode;
    row.code.links = row.deploy.links = listed.entry.links;
    return row;
  }

  /// The base records what stands there.
  void agree() {
    Counted side = open();
    ASSERT_TRUE(base_->begin(false).ok());
    ListRequest everything;
    everything.scopes = {{"", true}};
    ASSERT_TRUE(side.list(everything, [&](std::vector<PathEntry>&& entries) -> Status {
      for (const PathEntry& listed : entries) {
        if (!listed.path.empty()) SYNC_TRY(base_->put(row_of(listed)));
      }
      return {};
    }));
    ASSERT_TRUE(base_->commit().ok());
  }

  struct Found {
    std::set<std::string> paths;
    uint64_t seen = 0;
    size_t listed = 0, repeated = 0;
  };
  Found scan(bool remember = true, const std::vector<Scope>& scopes = {{"", true}}) {
    Counted side = open();
    ScanRules rules = rules_;
    if (!remember) rules.ranges_dir.clear();
    Reported reported;
    const auto outcome = scan_side(Side::code, side, scopes, rules, reported.out());
    EXPECT_TRUE(outcome.ok());
    return {std::move(reported.paths), outcome->summary.seen, side.listed, side.repeated};
  }
  /// Scans that know and that know nothing, and the same from both.
  Found scan_twice() {
    const Found plain = scan(false);
    Found found = scan();
    EXPECT_EQ(found.paths, plain.paths);
    EXPECT_EQ(found.seen, plain.seen);
    return found;
  }
  void write(const std::string& path, const std::string& text) { std::ofstream(dir_ / ("root/" + path)) << text; }
  std::string ranges_file() { return dir_ / "state/ranges-code"; }

  /// A disk makes new files slowly after thousands were deleted.
  static std::string fast_place() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

  TempDir dir_{fast_place()};
  SystemClock clock_;
  SystemHostFacts host_;
  ScanRules rules_;
  std::unique_ptr<BaseStore> base_;
};

TEST_F(KnownRangesTest, the_second_scan_lists_nothing) {
  const Found first = scan_twice();
  EXPECT_EQ(first.repeated, 0U);
  EXPECT_EQ(first.seen, 5050U);
  const Found second = scan_twice();
  EXPECT_TRUE(second.paths.empty());
  EXPECT_EQ(second.listed, 1U) << "the root alone";
  EXPECT_GT(second.repeated, 2U);
}

TEST_F(KnownRangesTest, every_kind_of_change_is_found) {
  scan();
  write("d7/f7", "longer");
  write("d3/new", "x");
  std::filesystem::remove(dir_ / "root/d20/f20");
  std::filesystem::remove_all(dir_ / "root/d11");
  std::filesystem::permissions(dir_ / "root/d5/f5", std::filesystem::perms::owner_all);
  const Found found = scan_twice();
  for (const char* path : {"d7/f7", "d3/new", "-d20/f20", "-d11", "-d11/f0", "-d11/f99", "d5/f5"})
    EXPECT_TRUE(found.paths.contains(path)) << path;
  EXPECT_GT(found.repeated, 0U);
  EXPECT_LT(found.listed, 4000U);
}

TEST_F(KnownRangesTest, the_first_and_the_last_entry_may_go) {
  scan();
  std::filesystem::remove_all(dir_ / "root/d0");
  std::filesystem::remove_all(dir_ / "root/d9");
  const Found found = scan_twice();
  EXPECT_EQ(found.paths.size(), 202U);
}

TEST_F(KnownRangesTest, an_empty_tree_is_found_empty) {
  scan();
  for (const auto& one : std::filesystem::directory_iterator(dir_ / "root")) std::filesystem::remove_all(one);
  EXPECT_EQ(scan_twice().paths.size(), 5050U);
}

TEST_F(KnownRangesTest, a_row_that_was_written_opens_its_range) {
  scan();
  BaseRow row = *base_->find("d4/f4").value();
  row.code.stamp.ctime_ns -= 1;
  ASSERT_TRUE(base_->put(row).ok());
  ASSERT_TRUE(base_->drop("d8/f8").ok());
  const Found found = scan_twice();
  EXPECT_TRUE(found.paths.contains("d8/f8")) << "it stands, and the base doesn't know it any more";
  EXPECT_TRUE(found.paths.contains("d4/f4"));
  EXPECT_GT(found.repeated, 0U);
}

TEST_F(KnownRangesTest, a_row_between_two_ranges_is_found) {
  scan();
  const KnownRanges known = load_ranges(ranges_file(), kKey);
  ASSERT_GT(known.ranges.size(), 2U);
  BaseRow row = *base_->find("d4/f4").value();
  row.path = known.ranges[0].last + "0";
  ASSERT_TRUE(compare_paths(row.path, known.ranges[1].first) < 0);
  ASSERT_TRUE(base_->put(row).ok());
  EXPECT_EQ(scan_twice().paths, std::set<std::string>{"-" + row.path});
  EXPECT_EQ(scan_twice().paths, std::set<std::string>{"-" + row.path}) << "as often as one looks";
}

TEST_F(KnownRangesTest, what_departs_is_found_each_time) {
  write("d7/f7", "longer");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(scan_twice().paths.contains("d7/f7"));
}

TEST_F(KnownRangesTest, many_rows_written_mean_a_whole_listing) {
  scan();
  agree();
  EXPECT_EQ(scan_twice().repeated, 0U);
  EXPECT_EQ(scan_twice().listed, 1U);
}

TEST_F(KnownRangesTest, other_rules_know_nothing) {
  scan();
  rules_.exclude = {"*.o"};
  EXPECT_EQ(scan().repeated, 0U);
  rules_.policy.preserve_xattrs = true;
  EXPECT_EQ(scan().repeated, 0U);
  EXPECT_GT(scan().repeated, 0U);
}

TEST_F(KnownRangesTest, a_side_in_doubt_is_listed_whole) {
  scan();
  rules_.policy.deploy_doubt.active = true;
  EXPECT_EQ(scan().repeated, 0U);
}

TEST_F(KnownRangesTest, a_part_of_the_tree_is_listed_whole) {
  scan();
  EXPECT_EQ(scan(true, {{"d3", true}}).listed, 101U);
  EXPECT_EQ(scan_twice().listed, 1U);
}

TEST_F(KnownRangesTest, a_damaged_file_counts_for_nothing) {
  scan();
  for (const size_t cut : {0U, 3U, 17U, 200U}) {
    std::filesystem::resize_file(ranges_file(), cut);
    EXPECT_EQ(scan_twice().repeated, 0U) << cut;
    EXPECT_GT(scan_twice().repeated, 0U) << "made anew";
  }
  std::fstream file(ranges_file(), std::ios::in | std::ios::out | std::ios::binary);
  const int byte = file.seekg(100).get();
  file.seekp(100).put(static_cast<char>(byte ^ 1));
  file.close();
  EXPECT_EQ(scan_twice().repeated, 0U);
}

TEST_F(KnownRangesTest, another_bases_ranges_count_for_nothing) {
  scan();
  base_.reset();
  std::filesystem::remove(rules_.base_path);
  base_ = std::move(BaseStore::open(rules_.base_path, BaseStore::Mode::read_write)).value();
  BaseMeta meta;
  meta.hash_key = kKey;
  ASSERT_TRUE(base_->set_meta(meta).ok());
  EXPECT_EQ(scan_twice().paths.size(), 5050U);
}

TEST_F(KnownRangesTest, all_rows_are_compared_once_a_day) {
  scan();
  rules_.now_ns += kRangesCountFor;
  EXPECT_GT(scan().repeated, 0U);
  rules_.now_ns += 1;
  EXPECT_EQ(scan().repeated, 0U) << "what was passed over does not count as compared";
  EXPECT_GT(scan().repeated, 0U);
  rules_.now_ns -= 2 * kRangesCountFor;
  EXPECT_EQ(scan().repeated, 0U) << "a clock that was set back";
}

TEST_F(KnownRangesTest, a_lying_side_is_refused) {
  scan();
  for (const std::vector<uint32_t>& lie : {std::vector<uint32_t>{0}, {1'000'000}, {2, 1}, {1, 1}}) {
    Counted side = open();
    side.lie = lie;
    Reported reported;
    const auto outcome = scan_side(Side::code, side, {{"", true}}, rules_, reported.out());
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code, ErrorCode::peer_violation);
  }
}

TEST_F(KnownRangesTest, special_files_are_told_each_time) {
  ASSERT_EQ(::mkfifo((dir_ / "root/d2/pipe").c_str(), 0600), 0);
  for (int i = 0; i < 2; ++i) {
    Counted side = open();
    Reported reported;
    const auto outcome = scan_side(Side::code, side, {{"", true}}, rules_, reported.out());
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome->summary.special, std::vector<std::string>{"d2/pipe"});
  }
}

}  // namespace
}  // namespace twsync
