// Large files whose transfer was cut go on where they were.

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "common/fs/chunk_store.h"
#include "common/fs/partial_store.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSize = 24U << 20U;

std::string noise(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string out(size, 0);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    const uint64_t bits = random();
    std::copy_n(reinterpret_cast<const char*>(&bits), 8, out.data() + i);
  }
  return out;
}

class Resume : public FsTest {
 protected:
  Resume() { old_file(from("f"), content_); }

  Batch with_partials(Operation op) {
    Batch work = batch({std::move(op)});
    bool busy = false;
    work.partials = applier().partials(partial_queries(work), busy);
    EXPECT_FALSE(busy);
    return work;
  }
  /// Sends until so many bytes of content travelled; then the connection is gone.
  void cut_after(uint64_t bytes, Batch work) {
    Applier& target = applier();
    const uint64_t id = work.id;
    sent_bytes_ = 0;
    EXPECT_TRUE(target.begin(work).ok());
    const Error gone{ErrorCode::unreachable, "the connection was cut", {}, 0};
    const Status sent = sender().send(work, [&](std::string block) -> Status {
      if (sent_bytes_ >= bytes) return gone;
      sent_bytes_ += block.size();
      return target.content(std::move(block));
    });
    EXPECT_FALSE(sent.ok());
    target.abort_content(gone);
    EXPECT_TRUE(target.drain().ok());
    const std::lock_guard lock(mutex_);
    ASSERT_FALSE(results_.empty());
    EXPECT_EQ(results_.back().batch, id);
    EXPECT_EQ(results_.back().results.at(0).code, ErrorCode::unreachable);
  }
  void cut_after(uint64_t bytes) { cut_after(bytes, with_partials(put("f"))); }
  /// Sends what is missing; the result.
  OpResult go_on(ErrorCode expected = ErrorCode::ok) {
    const OpResult result = apply(with_partials(put("f"))).at(0);
    EXPECT_EQ(result.code, expected) << result.message;
    if (expected == ErrorCode::ok) {
      EXPECT_TRUE(read_file(to("f")) == read_file(from("f")));
      EXPECT_TRUE(partials().empty()) << "nothing stays of it";
      EXPECT_TRUE(staged_names().empty());
    }
    return result;
  }
  std::vector<std::string> partials() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(pair_dir() + "/partial")) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  void damage(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }
  static uint64_t blocks_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return static_cast<uint64_t>(status.st_blocks) * 512;
  }

  std::string content_ = noise(kSize, 1);
};

TEST_F(Resume, only_the_rest_is_sent) {
  cut_after(kSize / 2);
  EXPECT_FALSE(stands(to("f"))) << "nobody sees a part of it";
  ASSERT_EQ(partials().size(), 2U);
  EXPECT_EQ(mode_of(pair_dir() + "/partial"), 0700U);
  EXPECT_EQ(mode_of(partials()[0]), 0600U);
  const OpResult result = go_on();
  EXPECT_LT(sent_bytes_, kSize * 6 / 10);
  EXPECT_EQ(result.bytes, kSize);
  EXPECT_GT(result.resumed, kSize * 4 / 10);
  EXPECT_EQ(mode_of(to("f")), mode_of(from("f")));
  EXPECT_EQ(mtime_of(to("f")), mtime_of(from("f")));
}

TEST_F(Resume, after_the_process_that_received_is_gone) {
  cut_after(kSize / 2);
  close_applier();
  go_on();
  EXPECT_LT(sent_bytes_, kSize * 6 / 10);
}

TEST_F(Resume, cut_again_and_again) {
  for (int i = 0; i < 5; ++i) cut_after(kSize / 8);
  go_on();
  EXPECT_LT(sent_bytes_, kSize / 2);
}

TEST_F(Resume, a_sender_that_is_not_told_sends_all) {
  cut_after(kSize / 2);
  ASSERT_EQ(apply_one(put("f")).code, ErrorCode::ok);
  EXPECT_GT(sent_bytes_, kSize);
  EXPECT_TRUE(read_file(to("f")) == content_);
  EXPECT_TRUE(partials().empty());
}

TEST_F(Resume, a_source_that_changed_is_sent_as_it_is_now) {
  cut_after(kSize / 2);
  content_.replace(1'000'000, 5, "other");
  content_.insert(9'000'000, "inserted");
  old_file(from("f"), content_);
  go_on();
  EXPECT_LT(sent_bytes_, kSize * 7 / 10) << "what is the same at the same place";
}

TEST_F(Resume, a_source_of_other_content_takes_nothing_over) {
  cut_after(kSize / 2);
  old_file(from("f"), noise(kSize, 2));
  const OpResult result = go_on();
  EXPECT_EQ(result.resumed, 0U);
  EXPECT_GT(sent_bytes_, kSize);
}

TEST_F(Resume, a_source_that_became_shorter) {
  cut_after(kSize * 9 / 10);
  content_.resize(kSize * 8 / 10);
  old_file(from("f"), content_);
  go_on();
  EXPECT_LT(sent_bytes_, kSize / 10);
}

TEST_F(Resume, damage_on_the_disk_is_sent_again_and_nothing_else) {
  cut_after(kSize / 2);
  damage(partials()[0], 1'000'000);
  damage(partials()[0], 5'000'000);
  go_on(ErrorCode::stale);
  EXPECT_FALSE(stands(to("f")));
  go_on();
  EXPECT_LT(sent_bytes_, kSize / 10);
}

TEST_F(Resume, a_tail_that_a_power_cut_took_is_sent_again) {
  cut_after(kSize / 2);
  fs::resize_file(partials()[0], kSize / 4);
  fs::resize_file(partials()[1], fs::file_size(partials()[1]) - 11);
  go_on();
  EXPECT_LT(sent_bytes_, kSize * 85 / 100);
  EXPECT_GT(sent_bytes_, kSize * 70 / 100);
}

TEST_F(Resume, zeros_where_a_power_cut_took_bytes_are_found) {
  cut_after(kSize / 2);
  fs::resize_file(partials()[0], kSize / 4);
  fs::resize_file(partials()[0], kSize / 2);
  go_on(ErrorCode::stale);
  go_on();
  EXPECT_LT(sent_bytes_, kSize * 40 / 100);
}

TEST_F(Resume, a_forged_list_that_fits_no_bytes_is_harmless) {
  cut_after(kSize / 2);
  // Chunks of the source, listed as if they stood there.
  Chunker chunker(HashKey{});
  chunker.begin(chunk_average(kSize));
  ASSERT_TRUE(chunker.feed(content_, {}));
  ASSERT_TRUE(chunker.end({}));
  const ChunkList list = chunker.take_list();
  Batch work = batch({put("f")});
  work.partials = {{0, format_chunks(list)}};
  const OpResult result = apply(work).at(0);
  EXPECT_EQ(result.code, ErrorCode::stale) << result.message;
  EXPECT_FALSE(stands(to("f")));
  go_on();
}

TEST_F(Resume, an_announcement_without_a_file_is_harmless) {
  Chunker chunker(HashKey{});
  chunker.begin(chunk_average(kSize));
  ASSERT_TRUE(chunker.feed(content_, {}));
  ASSERT_TRUE(chunker.end({}));
  Batch work = batch({put("f")});
  work.partials = {{0, format_chunks(chunker.take_list())}};
  EXPECT_EQ(apply(work).at(0).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("f")));
  go_on();
}

TEST_F(Resume, hostile_announcements_are_not_taken) {
  ChunkList list;
  list.average = 64U << 10U;
  for (uint64_t i = 0; i < 1000; ++i) list.chunks.push_back({i % 7 * 1000, 65'536, i, i});
  list.chunks.push_back({UINT64_MAX - 5, UINT32_MAX, 1, 1});
  for (const std::string& bytes : {std::string("garbage"), std::string(), format_chunks(list)}) {
    Batch work = batch({put("f")});
    work.partials = {{0, bytes}, {77, format_chunks(list)}};
    const OpResult result = apply(work).at(0);
    EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
    EXPECT_EQ(result.resumed, 0U);
    EXPECT_TRUE(read_file(to("f")) == content_);
    fs::remove(to("f"));
  }
}

TEST_F(Resume, a_sparse_file_stays_sparse) {
  fs::resize_file(from("f"), 200'000'000);
  set_mtime(from("f"), kOldTime);
  cut_after(kSize / 2);
  const OpResult result = go_on();
  EXPECT_GT(result.resumed, kSize * 4 / 10);
  EXPECT_LT(blocks_of(to("f")), kSize * 12 / 10);
}

TEST_F(Resume, a_hole_where_bytes_came_before_the_cut) {
  cut_after(kSize / 2);
  {
    fs::remove(from("f"));
    std::ofstream out(from("f"), std::ios::binary);
    out.write(content_.data(), 1 << 20U);
    out.seekp(8 << 20U);
    out.write(content_.data() + (8 << 20U), static_cast<std::streamsize>(kSize - (8U << 20U)));
  }
  set_mtime(from("f"), kOldTime);
  go_on();
  EXPECT_LT(blocks_of(to("f")), kSize - (6U << 20U));
}

TEST_F(Resume, a_difference_that_was_cut_goes_on) {
  ASSERT_EQ(apply_one(put("f")).code, ErrorCode::ok);  // both have its chunks from now on
  std::string edited = content_;
  edited.replace(2'000'000, 6'000'000, noise(6'000'000, 3));
  edited.insert(20'000'000, "inserted");
  old_file(from("f"), edited);
  cut_after(4'000'000);
  EXPECT_TRUE(read_file(to("f")) == content_);
  go_on();
  EXPECT_LT(sent_bytes_, 3'000'000U) << "neither what was sent nor what stood there";
}

TEST_F(Resume, small_files_leave_nothing) {
  old_file(from("f"), content_.substr(0, 15'000'000));
  cut_after(8'000'000);
  EXPECT_TRUE(partials().empty());
  go_on();
}

TEST_F(Resume, a_session_that_still_has_it_is_waited_for_or_done_without) {
  cut_after(kSize / 2);
  const UniqueFd directory(::open((pair_dir() + "/partial").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto held = PartialStore(directory.get(), target_options_.hash_key).open("f", kSize);
  ASSERT_NE(held, nullptr);
  Batch work = batch({put("f")});
  bool busy = false;
  EXPECT_TRUE(applier().partials(partial_queries(work), busy).empty());
  EXPECT_TRUE(busy);
  EXPECT_EQ(apply(work).at(0).code, ErrorCode::ok);
  EXPECT_TRUE(read_file(to("f")) == content_);
  EXPECT_EQ(partials().size(), 2U) << "what another session has is left alone";
}

TEST_F(Resume, another_file_that_is_edited_meanwhile_is_not_touched) {
  cut_after(kSize / 2);
  Operation op = put("f");
  write_file(to("f"), "somebody's");
  Batch work = batch({op});
  bool busy = false;
  work.partials = applier().partials(partial_queries(work), busy);
  EXPECT_EQ(apply(work).at(0).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("f")), "somebody's");
}

}  // namespace
}  // namespace twsync
