// The reserve of space and inodes, on small file systems.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/fs/space.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

class SmallDisk : public FsTest {
 protected:
  void use(const char* options, const char* type = "tmpfs") {
    ASSERT_EQ(::mount(type, small_.path().c_str(), type, 0, options), 0);
    mounted_ = true;
    target_options_.root = small_.path();
    (void)applier();
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  void TearDown() override {
    close_applier();
    if (mounted_) ::umount2(small_.path().c_str(), MNT_DETACH);
  }
  Space space() {
    const UniqueFd fd(::open(small_.path().c_str(), O_RDONLY | O_DIRECTORY));
    return *space_of(fd.get());
  }
  TempDir small_;
  bool mounted_ = false;
};

TEST_F(SmallDisk, the_reserve_of_bytes_stays_free_and_little_ones_flow) {
  use("size=10m");
  old_file(small_ / "big", "old");
  old_file(from("big"), std::string((10U << 20U) - (50U << 10U), 'x'));  // fits, but not beside 1 % of 10 MiB
  old_file(from("little"), "fits");
  const auto results = apply({put("big"), put("little")});
  EXPECT_EQ(results[0].code, ErrorCode::no_space) << results[0].message;
  EXPECT_TRUE(read_file(small_ / "big") == "old");
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  EXPECT_GT(space().free_bytes, 9U << 20U) << "nothing was staged";
  ::unlink(from("big").c_str());
  old_file(from("big"), std::string(9U << 20U, 'x'));
  EXPECT_EQ(apply_one(put("big")).code, ErrorCode::ok);
  EXPECT_GE(space().free_bytes, reserved_bytes(space()));
}

TEST_F(SmallDisk, what_waits_for_its_transfer_to_go_on_gives_way) {
  use("size=60m");
  old_file(from("cut"), std::string(40U << 20U, 'x'));
  old_file(from("whole"), std::string(50U << 20U, 'y'));
  const Error gone{ErrorCode::unreachable, "the connection was cut", {}, 0};
  const Batch work = batch({put("cut")});
  size_t blocks = 0;
  ASSERT_TRUE(applier().begin(work).ok());
  EXPECT_FALSE(sender().send(work, [&](std::string block) -> Status {
    return ++blocks > 100 ? Status(gone) : applier().content(std::move(block));
  }));
  applier().abort_content(gone);
  ASSERT_TRUE(applier().drain().ok());
  EXPECT_LT(space().free_bytes, 40U << 20U) << "it is kept";
  EXPECT_EQ(apply_one(put("whole")).code, ErrorCode::ok);
  EXPECT_TRUE(std::filesystem::is_empty(small_ / ".twsync/pair/partial"));
}

TEST_F(SmallDisk, where_nothing_is_counted_nothing_is_refused) {
  use("", "ramfs");
  EXPECT_EQ(space().bytes, 0U);
  old_file(from("a"), "fits");
  const auto result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
}

TEST_F(SmallDisk, the_reserve_of_inodes_stays_free) {
  use("nr_inodes=150");
  std::vector<Operation> operations;
  for (int i = 0; i < 170; ++i) {
    const std::string name = "f" + std::to_string(i);
    old_file(from(name), "x");
    operations.push_back(put(name));
  }
  const auto results = apply(std::move(operations));
  EXPECT_EQ(results.front().code, ErrorCode::ok) << results.front().message;
  EXPECT_EQ(results.back().code, ErrorCode::no_space) << results.back().message;
  EXPECT_GE(space().free_inodes, reserved_inodes(space()));
  EXPECT_LT(space().free_inodes, 10U) << "but no more than that";
  EXPECT_EQ(apply_one(make_dir("d")).code, ErrorCode::no_space);
  // Room again: it goes on.
  for (int i = 0; i < 20; ++i) ::unlink((small_ / ("f" + std::to_string(i))).c_str());
  EXPECT_EQ(apply_one(put("f169")).code, ErrorCode::ok);
  EXPECT_EQ(apply_one(make_dir("d")).code, ErrorCode::ok);
}

TEST_F(SmallDisk, a_sparse_file_needs_only_what_it_has) {
  use("size=10m");
  old_file(from("image"), "begin");
  constexpr off_t kSize = off_t{100} << 20U;
  ASSERT_EQ(::truncate(from("image").c_str(), kSize), 0);
  set_mtime(from("image"), kOldTime);
  struct stat st;
  ASSERT_EQ(::lstat(from("image").c_str(), &st), 0);
  if (st.st_blocks * 512 > (1 << 20)) GTEST_SKIP() << "this file system keeps no holes";
  Batch work = batch({put("image")});
  work.room_bytes = 5U << 20U;
  const auto results = apply(work);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  ASSERT_EQ(::lstat((small_ / "image").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, kSize);
}

TEST_F(SmallDisk, what_the_sender_knows_not_to_fit_is_not_sent) {
  use("size=10m");
  old_file(from("big"), std::string(1U << 20U, 'x'));
  old_file(from("little"), "fits");
  Batch work = batch({put("big"), put("little")});
  work.room_bytes = 500'000;
  size_t sent = 0;
  ASSERT_TRUE(sender()
                  .send(work,
                        [&](std::string block) {
                          sent += block.size();
                          return Status{};
                        })
                  .ok());
  EXPECT_LT(sent, 1000U);
  const auto results = apply(work);
  EXPECT_EQ(results[0].code, ErrorCode::no_space);
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
}

}  // namespace
}  // namespace twsync
