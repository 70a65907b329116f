// Sources that somebody writes through a mapping while they are read.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include <linux/magic.h>

#include <cstring>

#include "common/fs/file_reader.h"
#include "common/fs/unique_fd.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

class MappedWriter : public FsTest {
 protected:
  void SetUp() override {
    struct statfs system;
    ASSERT_EQ(::statfs(source_.path().c_str(), &system), 0);
    if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "a store never shows there";
    write_file(from("f"), std::string(kSize, 'a'));
    {
      const UniqueFd fd(::open(from("f").c_str(), O_RDWR));
      mapped_ = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    }
    ASSERT_NE(mapped_, MAP_FAILED);
    std::memset(mapped_, 'b', kSize);  // every page waits for its write-back from here on
  }
  void TearDown() override {
    if (mapped_ != MAP_FAILED) ::munmap(mapped_, kSize);
  }
  void store() { std::memset(mapped_, 'c', kSize); }

  static constexpr size_t kSize = 16384;
  void* mapped_ = MAP_FAILED;
};

TEST_F(MappedWriter, a_store_after_the_file_was_read_moves_its_times) {
  FileStat stat;
  const auto fd = open_regular(AT_FDCWD, from("f").c_str(), stat);
  ASSERT_TRUE(fd);
  Hasher hasher(source_options_.hash_key);
  ASSERT_TRUE(hash_file(fd->get(), hasher, stat));
  store();
  FileStat after;
  ASSERT_EQ(stat_fd(fd->get(), after), 0);
  EXPECT_FALSE(after.same_moment(stat)) << "nobody would look again";
}

TEST_F(MappedWriter, a_store_after_the_file_was_sent_is_found) {
  const OpResult result = apply_one(put("f"));
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  store();
  EXPECT_FALSE(at_source("f").stamp == result.source.stamp) << "in sync, and yet the sides differ";
}

// The writer goes through the file while it is read, and ends before the kernel writes back.
TEST_F(MappedWriter, what_was_read_while_it_stored_is_no_digest) {
  FileStat stat;
  const auto fd = open_regular(AT_FDCWD, from("f").c_str(), stat);
  ASSERT_TRUE(fd);
  ASSERT_EQ(stat_fd(fd->get(), stat), 0);
  settle_mapped(fd->get(), stat);
  char buffer[kSize / 2];
  const auto sink = [this](std::string_view, uint64_t) {
    store();
    return Status{};
  };
  ASSERT_TRUE(read_content(fd->get(), stat, sink, buffer, sizeof buffer));
  FileStat after;
  ASSERT_EQ(stat_fd(fd->get(), after), 0);
  EXPECT_FALSE(after.same_moment(stat)) << "a mixture counts as read";
}

}  // namespace
}  // namespace twsync
