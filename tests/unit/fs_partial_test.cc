// What is kept of files whose transfer was cut: the list of chunks, and whom it is believed.

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/fs/partial_store.h"
#include "common/fs/write_behind.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kChunk = 64U << 10U;
constexpr uint64_t kSize = 32U << 20U;

HashKey key_of(unsigned char first) {
  HashKey key{};
  key[0] = first;
  return key;
}

std::string noise(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string out(size, 0);
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

class Partials : public ::testing::Test {
 protected:
  Partials() {
    std::string name = "/tmp/twsync_partial_XXXXXX";
    path_ = ::mkdtemp(name.data());
    directory_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Partials() override {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PartialStore store(const HashKey& key = key_of(1)) const { return {directory_.get(), key}; }
  Chunk chunk_at(uint64_t offset, std::string_view bytes) {
    const Digest digest = Hasher(key_of(1)).hash(bytes);
    return {offset, static_cast<uint32_t>(bytes.size()), digest.high, digest.low};
  }
  /// A transfer of `content` that was cut; the file is let go.
  void cut_transfer(const std::string& path, const std::string& content) {
    auto file = store().open(path, kSize);
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(::pwrite(file->fd(), content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
    for (size_t at = 0; at + kChunk <= content.size(); at += kChunk)
      file->add(chunk_at(at, std::string_view(content).substr(at, kChunk)));
    file->settle();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(path_)) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }
  std::string data_name() const { return path_ + "/" + names().at(0); }
  std::string list_name() const { return path_ + "/" + names().at(1); }

  std::string path_;
  UniqueFd directory_;
  const std::string content_ = noise(10 * kChunk, 1);
};

TEST_F(Partials, what_arrived_is_listed_and_read_back) {
  cut_transfer("d/f", content_);
  const auto list = store().look("d/f");
  ASSERT_TRUE(list.ok()) << describe(list.error());
  ASSERT_EQ(list->chunks.size(), 10U);
  auto file = store().open("d/f", kSize);
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(file->listed(kChunk, 3 * kChunk).size(), 3U);
  std::string_view bytes;
  EXPECT_TRUE(file->read_back(list->chunks[1], bytes));
  EXPECT_EQ(bytes, std::string_view(content_).substr(kChunk, kChunk));
}

TEST_F(Partials, only_ours_may_read_it) {
  cut_transfer("f", content_);
  for (const std::string& name : names()) {
    struct stat status {};
    ASSERT_EQ(::stat((path_ + "/" + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(Partials, only_runs_of_whole_chunks_are_listed) {
  cut_transfer("f", content_);
  auto file = store().open("f", kSize);
  EXPECT_TRUE(file->listed(kChunk / 2, kChunk).empty());
  EXPECT_TRUE(file->listed(kChunk, kChunk + 1).empty());
  EXPECT_TRUE(file->listed(9 * kChunk, 2 * kChunk).empty());
}

TEST_F(Partials, a_torn_tail_is_cut_off) {
  cut_transfer("f", content_);
  fs::resize_file(list_name(), fs::file_size(list_name()) - 5);
  ASSERT_EQ(store().look("f")->chunks.size(), 9U);
  {
    auto file = store().open("f", kSize);
    file->add(chunk_at(9 * kChunk, std::string_view(content_).substr(9 * kChunk)));
    file->settle();
  }
  EXPECT_EQ(store().look("f")->chunks.size(), 10U) << "what is added comes behind what is good";
}

TEST_F(Partials, bytes_that_a_power_cut_took_are_not_listed) {
  cut_transfer("f", content_);
  fs::resize_file(data_name(), 3 * kChunk + 100);
  EXPECT_EQ(store().look("f")->chunks.size(), 3U);
  fs::resize_file(data_name(), 0);
  EXPECT_EQ(store().look("f").error().code, ErrorCode::not_found);
  EXPECT_TRUE(store().open("f", kSize)->listed(0, kChunk).empty());
}

TEST_F(Partials, an_entry_that_was_damaged_ends_the_list) {
  cut_transfer("f", content_);
  std::fstream list(list_name(), std::ios::in | std::ios::out | std::ios::binary);
  list.seekp(16 + 4 * 36 + 3);
  list.put('\x7f');
  list.close();
  EXPECT_EQ(store().look("f")->chunks.size(), 4U);
}

TEST_F(Partials, bytes_that_were_damaged_do_not_count_and_are_struck_out) {
  cut_transfer("f", content_);
  std::fstream data(data_name(), std::ios::in | std::ios::out | std::ios::binary);
  data.seekp(4 * kChunk + 7);
  data.put(static_cast<char>(content_[4 * kChunk + 7] ^ 1));
  data.close();
  {
    auto file = store().open("f", kSize);
    std::string_view bytes;
    for (const Chunk& chunk : file->listed(0, 10 * kChunk))
      EXPECT_EQ(file->read_back(chunk, bytes), chunk.offset != 4 * kChunk);
  }
  const auto list = store().look("f");
  ASSERT_EQ(list->chunks.size(), 9U);
  for (const Chunk& chunk : list->chunks) EXPECT_NE(chunk.offset, 4 * kChunk);
}

TEST_F(Partials, a_later_chunk_overrides_what_it_overlaps) {
  cut_transfer("f", content_);
  {
    auto file = store().open("f", kSize);
    file->add(chunk_at(kChunk + 100, std::string_view(content_).substr(kChunk + 100, kChunk)));
    file->settle();
  }
  const auto list = store().look("f");
  ASSERT_EQ(list->chunks.size(), 9U);
  EXPECT_EQ(list->chunks[1].offset, kChunk + 100);
}

TEST_F(Partials, another_path_or_key_has_none) {
  cut_transfer("f", content_);
  EXPECT_EQ(store().look("g").error().code, ErrorCode::not_found);
  EXPECT_EQ(store(key_of(2)).look("f").error().code, ErrorCode::not_found);
  // Its list under another's name.
  cut_transfer("g", content_.substr(kChunk));
  const auto all = names();
  ASSERT_EQ(all.size(), 4U);
  fs::copy_file(path_ + "/" + all[1], path_ + "/" + all[3], fs::copy_options::overwrite_existing);
  const size_t found = (store().look("f").ok() ? 1U : 0U) + (store().look("g").ok() ? 1U : 0U);
  EXPECT_EQ(found, 1U);
}

TEST_F(Partials, one_session_at_a_time) {
  cut_transfer("f", content_);
  {
    const auto held = store().open("f", kSize);
    EXPECT_EQ(store().open("f", kSize), nullptr);
    EXPECT_EQ(store().look("f").error().code, ErrorCode::busy);
    store().drop_all();
    EXPECT_EQ(names().size(), 2U);
  }
  EXPECT_TRUE(store().look("f").ok());
}

TEST_F(Partials, what_may_not_be_written_yet_is_not_listed) {
  auto file = store().open("f", kSize);
  ASSERT_EQ(::ftruncate(file->fd(), kSize), 0);
  for (uint64_t at = 0; at < kSize; at += kChunk) file->add({at, kChunk, at + 1, 1});
  file.reset();  // as a crash would
  const auto list = store().look("f");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->chunks.back().offset + kChunk, kSize - WriteBehind::kMostBehind);
}

TEST_F(Partials, nothing_listed_leaves_nothing) {
  { auto file = store().open("f", kSize); }
  EXPECT_TRUE(names().empty());
}

TEST_F(Partials, it_goes_after_a_day_or_when_somebody_needs_the_room) {
  cut_transfer("f", content_);
  const int64_t now = SystemClock().wall_ns();
  store().drop_old(now + 23 * 3600 * kSecond);
  EXPECT_EQ(names().size(), 2U);
  EXPECT_GE(store().bytes(), content_.size());
  store().drop_old(now + 25 * 3600 * kSecond);
  EXPECT_TRUE(names().empty());
  cut_transfer("f", content_);
  store().drop_all();
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(store().bytes(), 0U);
}

TEST_F(Partials, a_shorter_source_cuts_it) {
  cut_transfer("f", content_);
  { auto file = store().open("f", 2 * kChunk + 1); }
  EXPECT_EQ(store().look("f")->chunks.size(), 2U);
}

TEST_F(Partials, a_link_in_its_place_is_not_followed) {
  cut_transfer("f", content_);
  const std::string outside = path_ + "-outside";
  std::ofstream(outside) << "mine";
  const std::string name = data_name();
  fs::remove(name);
  fs::create_symlink(outside, name);
  EXPECT_EQ(store().open("f", kSize), nullptr);
  fs::remove(name);
  fs::create_hard_link(outside, name);
  EXPECT_EQ(store().open("f", kSize), nullptr);
  EXPECT_EQ(fs::file_size(outside), 4U);
  fs::remove(outside);
}

TEST_F(Partials, an_announcement_is_bounded) {
  for (int i = 0; i < 3; ++i) {
    auto file = store().open(str("f", i), kSize * 1000);
    for (uint64_t at = 0; at < 100'000; ++at) file->add({at * kChunk, kChunk, at + 1, 1});
    ASSERT_EQ(::ftruncate(file->fd(), 100'000LL * kChunk), 0);
  }
  bool busy = false;
  const auto told = store().announce({{0, "f0"}, {1, "f1"}, {2, "f2"}, {3, "none"}}, busy);
  EXPECT_FALSE(busy);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_LE(told[0].list.size() + told[1].list.size(), (4U << 20U) + 100);
}

}  // namespace
}  // namespace twsync
