// Chunks of large files: cut by content, kept by digest, found again in an old version.

#include <gtest/gtest.h>

#include <fcntl.h>

#include <filesystem>
#include <random>

#include "common/base/text.h"
#include "common/fs/chunk_store.h"
#include "common/fs/delta.h"

namespace twsync {
namespace {

constexpr uint32_t kAverage = 64U << 10U;

std::string noise(size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string out(size, 0);
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

ChunkList chunks_of(const std::string& content, size_t piece = 100'000, const Chunker::Guess& guess = {}) {
  Chunker chunker(HashKey{});
  chunker.begin(kAverage, guess);
  std::string seen;
  const auto sink = [&](const Chunk& chunk, std::string_view bytes) -> Status {
    EXPECT_EQ(chunk.offset, seen.size());
    EXPECT_EQ(chunk.size, bytes.size());
    seen += bytes;
    return {};
  };
  for (size_t at = 0; at < content.size(); at += piece)
    EXPECT_TRUE(chunker.feed(std::string_view(content).substr(at, piece), sink));
  EXPECT_TRUE(chunker.end(sink));
  EXPECT_EQ(seen, content);
  return chunker.take_list();
}

size_t found_bytes(const ChunkList& old, const ChunkList& now) {
  OldChunks there(old);
  size_t found = 0;
  for (const Chunk& chunk : now.chunks) {
    if (there.find(chunk)) found += chunk.size;
  }
  return found;
}

TEST(Chunker, the_pieces_it_is_fed_do_not_matter) {
  const std::string content = noise(3'000'000, 1);
  const ChunkList whole = chunks_of(content, content.size());
  for (const size_t piece : {1'000UL, 65'536UL, 70'001UL}) {
    const ChunkList again = chunks_of(content, piece);
    ASSERT_EQ(again.chunks.size(), whole.chunks.size());
    for (size_t i = 0; i < whole.chunks.size(); ++i) EXPECT_TRUE(again.chunks[i].same_content(whole.chunks[i]));
  }
}

void expect_same(const ChunkList& a, const ChunkList& b) {
  ASSERT_EQ(a.chunks.size(), b.chunks.size());
  for (size_t i = 0; i < a.chunks.size(); ++i) {
    EXPECT_TRUE(a.chunks[i].same_content(b.chunks[i])) << i;
    EXPECT_EQ(a.chunks[i].offset, b.chunks[i].offset) << i;
  }
}

TEST(Chunker, guesses_change_nothing) {
  const std::string content = noise(3'000'000, 6);
  const ChunkList whole = chunks_of(content);
  for (const size_t piece : {1'000UL, 65'536UL, 3'000'000UL}) {
    SCOPED_TRACE(piece);
    OldChunks right(whole);
    size_t asked = 0;
    expect_same(chunks_of(content, piece,
                          [&] {
                            ++asked;
                            const Chunk* next = right.next();
                            if (next != nullptr) right.find(*next);
                            return next;
                          }),
                whole);
    EXPECT_EQ(asked, whole.chunks.size());
    const Chunk wrong{0, 70'001, 1, 2};
    expect_same(chunks_of(content, piece, [&] { return &wrong; }), whole);
  }
}

TEST(Chunker, the_old_version_guesses_behind_an_insertion) {
  std::string content = noise(3'000'000, 7);
  OldChunks old(chunks_of(content));
  content.insert(1'000'000, "x");
  const ChunkList plain = chunks_of(content);
  size_t found = 0;
  Chunker chunker(HashKey{});
  chunker.begin(kAverage, [&] { return old.next(); });
  const auto sink = [&](const Chunk& chunk, std::string_view) -> Status {
    found += old.find(chunk) ? chunk.size : 0;
    return {};
  };
  ASSERT_TRUE(chunker.feed(content, sink));
  ASSERT_TRUE(chunker.end(sink));
  expect_same(chunker.take_list(), plain);
  EXPECT_GT(found, 2'500'000U);
}

TEST(Chunker, sizes_are_around_the_average) {
  const ChunkList list = chunks_of(noise(20'000'000, 2));
  const size_t average = 20'000'000 / list.chunks.size();
  EXPECT_GT(average, kAverage * 3 / 4);
  EXPECT_LT(average, kAverage * 3 / 2);
  for (size_t i = 0; i + 1 < list.chunks.size(); ++i) {
    EXPECT_GE(list.chunks[i].size, kAverage / 2);
    EXPECT_LE(list.chunks[i].size, kAverage * 4);
  }
}

TEST(Chunker, an_insertion_or_an_edit_changes_few_chunks) {
  const std::string before = noise(10'000'000, 3);
  const ChunkList old = chunks_of(before);
  EXPECT_GT(found_bytes(old, chunks_of("x" + before)), before.size() - 8 * kAverage);
  std::string edited = before;
  edited.replace(5'000'000, 4, "edit");
  EXPECT_GT(found_bytes(old, chunks_of(edited)), before.size() - 8 * kAverage);
  EXPECT_LT(found_bytes(old, chunks_of(edited)), before.size());
  EXPECT_GT(found_bytes(old, chunks_of(before.substr(6'000'000) + before.substr(0, 6'000'000))),
            before.size() - 8 * kAverage);
  EXPECT_EQ(found_bytes(old, chunks_of(noise(1'000'000, 4))), 0U);
}

TEST(Chunker, holes_are_in_no_chunk) {
  Chunker chunker(HashKey{});
  chunker.begin(kAverage);
  ASSERT_TRUE(chunker.feed(noise(1000, 5), {}));
  ASSERT_TRUE(chunker.skip(1'000'000, {}));
  ASSERT_TRUE(chunker.feed(noise(500, 6), {}));
  ASSERT_TRUE(chunker.end({}));
  const ChunkList list = chunker.take_list();
  ASSERT_EQ(list.chunks.size(), 2U);
  EXPECT_EQ(list.chunks[0].size, 1000U);
  EXPECT_EQ(list.chunks[1].offset, 1'001'000U);
}

TEST(Chunker, what_another_list_knows_is_taken_over_with_its_new_place) {
  const std::string before = noise(2'000'000, 7);
  const ChunkList old = chunks_of(before);
  const OldChunks there(old);
  const uint64_t from = old.chunks[2].offset;
  const uint64_t size = old.chunks[2].size + old.chunks[3].size;
  const auto run = there.covering(from, size);
  ASSERT_EQ(run.size(), 2U);
  EXPECT_TRUE(there.covering(from + 1, size).empty());
  EXPECT_TRUE(there.covering(from, size - 1).empty());
  EXPECT_TRUE(there.covering(before.size(), 5).empty());
  Chunker chunker(HashKey{});
  chunker.begin(kAverage);
  ASSERT_TRUE(chunker.feed("head", {}));
  ASSERT_TRUE(chunker.take_over(run.data(), run.size(), {}));
  ASSERT_TRUE(chunker.end({}));
  const ChunkList list = chunker.take_list();
  ASSERT_EQ(list.chunks.size(), 3U);
  EXPECT_EQ(list.chunks[2].offset, 4U + old.chunks[2].size);
  EXPECT_TRUE(list.chunks[2].same_content(old.chunks[3]));
}

TEST(Chunker, large_files_have_large_chunks) {
  EXPECT_EQ(chunk_average(1U << 20U), 64U << 10U);
  EXPECT_EQ(chunk_average(4ULL << 30U), 64U << 10U);
  EXPECT_EQ(chunk_average(64ULL << 30U), 1U << 20U);
  EXPECT_EQ(chunk_average(1ULL << 50U), 1U << 20U);
}

class ChunkStoreTest : public ::testing::Test {
 protected:
  ChunkStoreTest() {
    char name[] = "/tmp/twsync-chunks-XXXXXX";
    directory = mkdtemp(name);
    fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~ChunkStoreTest() override {
    ::close(fd);
    std::filesystem::remove_all(directory);
  }
  static Digest digest(uint64_t n) { return {DigestAlgorithm::xxh3_128_keyed, n, n}; }
  std::string directory;
  int fd = -1;
  const ChunkList list = chunks_of(noise(1'500'000, 8));
};

TEST_F(ChunkStoreTest, a_list_is_given_out_once) {
  ChunkStore store(fd);
  store.put(digest(1), list);
  const auto back = ChunkStore(fd).take(digest(1));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->average, kAverage);
  ASSERT_EQ(back->chunks.size(), list.chunks.size());
  EXPECT_TRUE(back->chunks[3].same_content(list.chunks[3]));
  EXPECT_EQ(back->chunks[3].offset, list.chunks[3].offset);
  EXPECT_FALSE(store.take(digest(1)));
  store.put(digest(2), list);
  store.drop(digest(2));
  EXPECT_FALSE(store.take(digest(2)));
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(ChunkStoreTest, damage_is_no_list) {
  const std::string good = format_chunks(list);
  ASSERT_TRUE(parse_chunks(good));
  for (size_t size = 0; size < good.size(); size += 97) EXPECT_FALSE(parse_chunks(good.substr(0, size)));
  for (size_t at = 0; at < good.size(); at += 131) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_FALSE(parse_chunks(bad));
  }
  EXPECT_FALSE(parse_chunks(good + "x"));
}

TEST_F(ChunkStoreTest, without_a_directory_nothing_is_kept) {
  ChunkStore store(-1);
  store.put(digest(1), list);
  EXPECT_FALSE(store.take(digest(1)));
}

}  // namespace
}  // namespace twsync
