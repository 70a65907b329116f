// Writing in a thread: what drain() says is what stands in the file.

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <vector>

#include "common/fs/unique_fd.h"
#include "common/fs/write_behind.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

UniqueFd open_new(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

TEST(WriteBehind, pieces_of_any_size_come_in_order) {
  TempDir dir;
  std::mt19937 random(1);
  WriteBehind writer;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{5'000'000}, size_t{3U << 20U}, size_t{70U << 20U}}) {
    SCOPED_TRACE(size);
    std::string content(size, 0);
    for (char& c : content) c = static_cast<char>(random());
    const UniqueFd file = open_new(dir / "f");
    for (size_t at = 0; at < size;) {
      const size_t piece = 1 + random() % 400'000;
      writer.write(file.get(), std::string_view(content).substr(at, piece));
      at += piece;
    }
    ASSERT_TRUE(writer.drain(file.get()).ok());
    EXPECT_EQ(read_file(dir / "f"), content);
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), static_cast<off_t>(size)) << "the next write goes on from there";
  }
}

// Where the file system says which pages it holds; tmpfs holds them all.
TEST(WriteBehind, what_is_on_the_disk_leaves_the_page_cache) {
  TempDir dir;
  constexpr size_t kSize = 96U << 20U;
  const UniqueFd file(::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  struct statfs fs {};
  ASSERT_EQ(::fstatfs(file.get(), &fs), 0);
  if (fs.f_type != EXT4_SUPER_MAGIC) GTEST_SKIP() << "seen on ext4 alone";
  WriteBehind writer;
  for (size_t at = 0; at < kSize; at += 1U << 20U) writer.write(file.get(), std::string(1U << 20U, 'x'));
  ASSERT_TRUE(writer.drain(file.get()).ok());
  void* map = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, file.get(), 0);
  ASSERT_NE(map, MAP_FAILED);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> held(kSize / page);
  ASSERT_EQ(::mincore(map, kSize, held.data()), 0);
  ::munmap(map, kSize);
  const auto count = std::count_if(held.begin(), held.end(), [](unsigned char h) { return (h & 1U) != 0; });
  EXPECT_LT(static_cast<size_t>(count) * page, kSize / 2);
}

TEST(WriteBehind, the_first_failure_is_told_and_the_next_file_is_none_of_its) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  WriteBehind writer;
  for (int n = 0; n < 10; ++n) writer.write(full.get(), std::string(700'000, 'x'));
  const Status told = writer.drain(full.get());
  ASSERT_FALSE(told.ok());
  EXPECT_EQ(told.error().code, ErrorCode::no_space);
  TempDir dir;
  const UniqueFd file = open_new(dir / "f");
  writer.write(file.get(), "whole");
  EXPECT_TRUE(writer.drain(file.get()).ok());
  EXPECT_EQ(read_file(dir / "f"), "whole");
}

TEST(WriteBehind, ends_with_what_nobody_waited_for) {
  TempDir dir;
  const UniqueFd file = open_new(dir / "f");
  WriteBehind writer;
  for (int n = 0; n < 4; ++n) writer.write(file.get(), std::string(900'000, 'x'));
}

}  // namespace
}  // namespace twsync
