// Writers that still hold what was displaced, and files with more names than one.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "common/fs/space.h"
#include "common/fs/unique_fd.h"
#include "common/fs/version_care.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

/// The real time, moved on by hand.
class LaterClock final : public Clock {
 public:
  int64_t wall_ns() override { return SystemClock().wall_ns() + later; }
  int64_t steady_ns() override { return wall_ns(); }
  int64_t later = 0;
};

class LateWriter : public FsTest {
 protected:
  void SetUp() override {
    old_file(to("a"), "old");
    old_file(from("a"), "newer");
  }
  /// As the next process would tend the store.
  CareReport tend(const VersionLimits& limits = {}) {
    const UniqueFd fd(::open((pair_dir() + "/versions").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto store = VersionStore::open(fd.get(), clock);
    auto report = VersionCare(**store, target_options_.hash_key, clock).tend(limits);
    EXPECT_TRUE(report) << describe(report.error());
    return std::move(report).value();
  }
  CareReport tend_later(int64_t seconds = 61) {
    clock.later += seconds * kSecond;
    return tend();
  }
  std::vector<std::string> contents() {
    std::vector<std::string> out;
    for (const VersionRecord& version : versions()) out.push_back(version_content(version.id));
    std::sort(out.begin(), out.end());
    return out;
  }
  LaterClock clock;
};

void write_at_end(int fd, std::string_view bytes) {
  ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), 3), static_cast<ssize_t>(bytes.size()));
}

TEST_F(LateWriter, both_versions_are_kept_and_the_late_one_is_told_once) {
  UniqueFd writer(::open(to("a").c_str(), O_WRONLY));
  const OpResult result = apply_one(put("a"));
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  write_at_end(writer.get(), " written late");
  writer.reset();
  EXPECT_TRUE(tend().late.empty()) << "not before its minute is over";
  EXPECT_EQ(version_content(result.version), "old");

  const CareReport report = tend_later();
  ASSERT_EQ(report.late.size(), 1U);
  EXPECT_EQ(report.late[0].path, "a");
  EXPECT_EQ(report.late[0].cause, LoserCause::late_write);
  EXPECT_EQ(report.late[0].entry.size, 16U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old", "old written late"}));
  EXPECT_EQ(read_file(to("a")), "newer");
  EXPECT_TRUE(tend_later().late.empty());
  EXPECT_EQ(contents().size(), 2U);
}

TEST_F(LateWriter, of_a_removed_file_too) {
  UniqueFd writer(::open(to("a").c_str(), O_RDWR));
  const OpResult result = apply_one(remove("a"));
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  write_at_end(writer.get(), "!");
  writer.reset();
  EXPECT_EQ(tend_later().late.size(), 1U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old", "old!"}));
  EXPECT_EQ(version_content(result.version), "old");
}

TEST_F(LateWriter, that_never_writes_leaves_one_version) {
  UniqueFd writer(::open(to("a").c_str(), O_WRONLY));
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(contents().size(), 2U);
  const CareReport report = tend_later();
  EXPECT_TRUE(report.late.empty());
  EXPECT_NE(report.next_look_ns, 0) << "it is open still";
  EXPECT_EQ(contents().size(), 2U);
  writer.reset();
  EXPECT_EQ(tend_later().next_look_ns, 0);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old"}));
}

TEST_F(LateWriter, that_writes_after_an_hour_is_still_seen) {
  const UniqueFd writer(::open(to("a").c_str(), O_WRONLY));
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  for (int n = 0; n < 8; ++n) EXPECT_TRUE(tend_later(900).late.empty());
  write_at_end(writer.get(), "!");
  EXPECT_EQ(tend_later().late.size(), 1U);
  write_at_end(writer.get(), "!!");
  EXPECT_TRUE(tend_later().late.empty()) << "told already";
  EXPECT_EQ(contents(), (std::vector<std::string>{"old", "old!!"}));
}

// The kernel tells only root of somebody else's file: whoever cannot know keeps both.
TEST_F(LateWriter, of_a_file_of_somebody_else) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const std::string& root : {source_.path(), target_.path()}) ASSERT_EQ(::chown(root.c_str(), 65534, 65534), 0);
  const UniqueFd writer(::open(to("a").c_str(), O_WRONLY));
  ASSERT_EQ(::seteuid(65534), 0);
  const OpResult result = apply_one(put("a"));
  close_applier();
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  write_at_end(writer.get(), " written late");
  EXPECT_EQ(version_content(result.version), "old");
  EXPECT_EQ(tend_later().late.size(), 1U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old", "old written late"}));
}

TEST_F(LateWriter, of_somebody_elses_file_that_never_writes_leaves_one_version) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const std::string& root : {source_.path(), target_.path()}) ASSERT_EQ(::chown(root.c_str(), 65534, 65534), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const OpResult result = apply_one(put("a"));
  close_applier();
  const size_t kept = contents().size();
  const CareReport report = tend_later();
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(kept, 2U);
  EXPECT_EQ(report.next_look_ns, 0);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old"}));
}

TEST_F(LateWriter, of_a_large_file) {
  constexpr off_t kSize = 257 << 20;
  const UniqueFd writer(::open(to("a").c_str(), O_RDWR));
  if (::fallocate(writer.get(), 0, 0, kSize) != 0) GTEST_SKIP() << "no room for it";
  set_mtime(to("a"), kOldTime);
  const OpResult result = apply_one(remove("a"));
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  write_at_end(writer.get(), " written late");
  ASSERT_EQ(tend_later().late.size(), 1U);
  struct stat kept;
  ASSERT_EQ(::stat((pair_dir() + "/versions/" + result.version).c_str(), &kept), 0);
  EXPECT_EQ(kept.st_size, kSize);
  char begin[4] = {};
  const UniqueFd copy(::open((pair_dir() + "/versions/" + result.version).c_str(), O_RDONLY));
  ASSERT_EQ(::pread(copy.get(), begin, 4, 0), 4);
  EXPECT_EQ(std::string_view(begin, 4), std::string_view("old\0", 4)) << "as it was displaced";
}

// No descriptor is left, but the mapping writes.
TEST_F(LateWriter, by_a_mapping) {
  void* mapped = MAP_FAILED;
  {
    const UniqueFd fd(::open(to("a").c_str(), O_RDWR));
    mapped = ::mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  }
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  std::memcpy(mapped, "MAP", 3);
  ASSERT_EQ(::munmap(mapped, 3), 0);
  EXPECT_EQ(tend_later().late.size(), 1U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"MAP", "old"}));
}

// A file with two names, replaced by one with two: its last name takes the file along, as somebody has it open.
TEST_F(LateWriter, of_a_file_with_all_its_names) {
  ASSERT_EQ(::link(to("a").c_str(), to("b").c_str()), 0);
  const UniqueFd writer(::open(to("a").c_str(), O_WRONLY));
  Operation link;
  link.kind = OpKind::link;
  link.path = "b";
  link.from = "a";
  link.expected = at_target("b");
  link.desired = at_source("a");
  link.desired.stamp = {};
  std::vector<Operation> together = {put("a"), link};
  for (Operation& op : together) op.group = 7;
  for (const OpResult& result : apply(together)) ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("b")), "newer");
  write_at_end(writer.get(), " written late");
  EXPECT_EQ(tend_later().late.size(), 1U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"old", "old", "old written late"}));
}

// Whoever comes to write only after the look for writers: the content before is gone, what was written is not.
TEST_F(LateWriter, that_came_unseen_makes_the_version_precious) {
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  const std::string stored = pair_dir() + "/versions/" + versions().at(0).id;
  write_file(stored, "late");
  set_mtime(stored, kOldTime);  // same mtime: only ctime, and then the digest, tell
  VersionLimits limits;
  limits.keep_bytes = 1;
  clock.later = 61 * kSecond;
  EXPECT_EQ(tend(limits).late.size(), 1U);
  EXPECT_EQ(contents(), (std::vector<std::string>{"late"})) << "no limit evicts it";
}

TEST_F(LateWriter, nothing_goes_before_its_second_look) {
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  VersionLimits limits;
  limits.keep_bytes = 1;
  EXPECT_EQ(tend(limits).removed, 0U);
  clock.later = 61 * kSecond;
  EXPECT_EQ(tend(limits).removed, 1U);
}

TEST_F(LateWriter, touching_without_writing_is_no_write) {
  ASSERT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  set_mtime(pair_dir() + "/versions/" + versions().at(0).id, kOldTime + kSecond);
  EXPECT_TRUE(tend_later().late.empty());
}

class LinkedLoser : public FsTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(::mount("tmpfs", small_.path().c_str(), "tmpfs", 0, "size=1m"), 0);
    target_options_.root = small_.path();
  }
  void TearDown() override {
    close_applier();
    ::umount2(small_.path().c_str(), MNT_DETACH);
  }
  TempDir small_;
};

TEST_F(LinkedLoser, that_has_no_room_for_a_copy_stays_in_the_tree) {
  const std::string bytes(400'000, 'x');
  old_file(small_ / "a", bytes);
  old_file(small_ / "b", "b");
  ASSERT_EQ(::link((small_ / "a").c_str(), (small_ / "other").c_str()), 0);
  ASSERT_EQ(::link((small_ / "b").c_str(), (small_ / "other-b").c_str()), 0);
  old_file(from("a"), "new");
  const Operation replace = put("a");
  const Operation take_b = remove("b");
  Operation take = remove("a");
  (void)applier();
  old_file(small_ / "filler", std::string(400'000, 'y'));
  const auto results = apply({replace, take, take_b});
  EXPECT_EQ(results[0].code, ErrorCode::no_space);
  EXPECT_EQ(results[1].code, ErrorCode::no_space);
  EXPECT_EQ(results[2].code, ErrorCode::ok) << results[2].message;
  EXPECT_EQ(read_file(small_ / "a"), bytes);
  EXPECT_EQ(read_file(small_ / "other"), bytes);
  struct stat one;
  struct stat other;
  ASSERT_EQ(::lstat((small_ / "a").c_str(), &one), 0);
  ASSERT_EQ(::lstat((small_ / "other").c_str(), &other), 0);
  EXPECT_EQ(one.st_ino, other.st_ino) << "it is the same file still";
  ::unlink((small_ / "filler").c_str());
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(read_file(small_ / "a"), "new");
}

TEST_F(LinkedLoser, leaves_the_reserve_alone) {
  old_file(small_ / "a", std::string(400'000, 'x'));
  ASSERT_EQ(::link((small_ / "a").c_str(), (small_ / "other").c_str()), 0);
  old_file(from("a"), "new");
  const Operation replace = put("a");
  (void)applier();
  const UniqueFd fd(::open(small_.path().c_str(), O_RDONLY | O_DIRECTORY));
  const Space before = *space_of(fd.get());
  // Room for the new file and the copy, to the last block.
  old_file(small_ / "filler", std::string(before.free_bytes - 400'000 - 3 * 4096, 'y'));
  EXPECT_EQ(apply({replace})[0].code, ErrorCode::no_space);
  EXPECT_GE(space_of(fd.get())->free_bytes, reserved_bytes(before));
  EXPECT_EQ(read_file(small_ / "a").size(), 400'000U);
}

TEST_F(LateWriter, dated_before_1970_with_a_fraction) {
  old_file(to("linked"), "old");
  ASSERT_EQ(::link(to("linked").c_str(), to("other").c_str()), 0);
  const int64_t long_ago = -631'000'000 * kSecond + 500'000'000;
  set_mtime(to("linked"), long_ago);
  old_file(from("linked"), "new");
  const OpResult result = apply_one(put("linked"));
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  ASSERT_EQ(versions().size(), 1U);
  EXPECT_EQ(mtime_of(pair_dir() + "/versions/" + versions().at(0).id), long_ago);
}

}  // namespace
}  // namespace twsync
