// Large files as differences to the version that stands on the target.

#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "common/base/text.h"
#include "common/fs/chunk_store.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

class Delta : public FsTest {
 protected:
  static std::string noise(size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string out(size, 0);
    for (char& c : out) c = static_cast<char>(random());
    return out;
  }
  /// Sends the source's version and says how many bytes of content travelled.
  uint64_t send(const std::string& path, ErrorCode expected = ErrorCode::ok) {
    const OpResult result = apply_one(put(path));
    EXPECT_EQ(result.code, expected) << result.message;
    if (expected == ErrorCode::ok) {
      EXPECT_EQ(read_file(to(path)), read_file(from(path)));
    }
    return sent_bytes_;
  }
  static std::vector<std::string> lists(const std::string& root) {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(root + "/.twsync/pair/chunks")) out.push_back(entry.path());
    return out;
  }
  std::string content_ = noise(8'000'000, 1);
};

TEST_F(Delta, an_edit_sends_what_changed) {
  old_file(from("f"), content_);
  EXPECT_GT(send("f"), content_.size());
  content_.replace(4'000'000, 4, "edit");
  old_file(from("f"), content_);
  EXPECT_LT(send("f"), 400'000U);
  content_.insert(1'000'000, "inserted");
  old_file(from("f"), content_);
  EXPECT_LT(send("f"), 400'000U);
  content_ = content_.substr(3'000'000);
  old_file(from("f"), content_);
  EXPECT_LT(send("f"), 400'000U);
  EXPECT_EQ(lists(source_.path()).size(), 1U);
  EXPECT_EQ(lists(target_.path()).size(), 1U) << "the lists of versions that are gone go with them";
}

TEST_F(Delta, both_ends_keep_the_same_list) {
  old_file(from("f"), content_);
  send("f");
  content_.insert(1'000'000, "inserted");
  old_file(from("f"), content_);
  send("f");
  const auto here = lists(source_.path());
  const auto there = lists(target_.path());
  ASSERT_EQ(here.size(), 1U);
  ASSERT_EQ(there.size(), 1U);
  EXPECT_EQ(fs::path(here[0]).filename(), fs::path(there[0]).filename());
  EXPECT_EQ(read_file(here[0]), read_file(there[0]));
}

TEST_F(Delta, a_list_of_something_else_costs_one_more_try) {
  old_file(from("f"), content_);
  old_file(from("g"), noise(8'000'000, 2));
  send("f");
  send("g");
  auto kept = lists(source_.path());
  ASSERT_EQ(kept.size(), 2U);
  fs::copy_file(kept[0], kept[1] + ".aside");
  fs::rename(kept[1], kept[0]);
  fs::rename(kept[1] + ".aside", kept[1]);
  const std::string before = read_file(to("f"));
  std::string edited = read_file(from("g"));
  edited.replace(4'000'000, 4, "edit");
  old_file(from("f"), edited);  // by the wrong list nearly all of it stands at f on the target
  send("f", ErrorCode::stale);
  EXPECT_EQ(read_file(to("f")), before);
  EXPECT_GT(send("f"), edited.size());
}

TEST_F(Delta, an_old_version_that_was_edited_is_not_built_upon) {
  old_file(from("f"), content_);
  send("f");
  content_.replace(4'000'000, 4, "edit");
  old_file(from("f"), content_);
  Operation op = put("f");
  std::string edited = read_file(to("f"));
  edited.replace(100, 4, "mine");
  write_file(to("f"), edited);
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("f")), edited);
}

TEST_F(Delta, an_edit_behind_an_unchanged_stamp_is_found_by_the_digest) {
  old_file(from("f"), content_);
  send("f");
  content_.replace(4'000'000, 4, "edit");
  old_file(from("f"), content_);
  Operation op = put("f");
  std::string edited = read_file(to("f"));
  edited.replace(100, 4, "mine");
  const int64_t mtime = mtime_of(to("f"));
  write_file(to("f"), edited);
  set_mtime(to("f"), mtime);
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("f")), edited);
}

// R62: nobody knows yet that only its time was set.
TEST_F(Delta, a_touched_file_gets_its_time_and_keeps_its_inode) {
  for (const bool listed : {true, false}) {
    SCOPED_TRACE(listed);
    old_file(from("f"), content_);
    send("f");
    if (!listed) fs::remove(lists(source_.path()).front());
    const Entry before = at_target("f");
    set_mtime(from("f"), kOldTime + (listed ? kSecond : 2 * kSecond));
    Operation op = put("f");
    op.desired.digest = {};
    const OpResult result = apply_one(op);
    ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
    EXPECT_LT(sent_bytes_, 10'000U);
    EXPECT_EQ(result.target.stamp.inode, before.stamp.inode);
    EXPECT_EQ(result.target.mtime_ns, mtime_of(from("f")));
    EXPECT_EQ(result.target.digest, op.expected.digest);
    EXPECT_EQ(result.source.digest, op.expected.digest);
    EXPECT_TRUE(result.version.empty());
    EXPECT_EQ(read_file(to("f")), content_);
    EXPECT_TRUE(staged_names().empty());
  }
}

// R62
TEST_F(Delta, a_touched_file_that_was_edited_there_stays) {
  old_file(from("f"), content_);
  send("f");
  set_mtime(from("f"), kOldTime + kSecond);
  Operation op = put("f");
  op.desired.digest = {};
  write_file(to("f"), "edited by a user");
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("f")), "edited by a user");
}

TEST_F(Delta, holes_stay_holes) {
  old_file(from("f"), content_);
  fs::resize_file(from("f"), 50'000'000);
  send("f");
  content_ = read_file(from("f"));
  write_file(from("g"), content_.substr(0, 8'000'000));
  fs::resize_file(from("g"), 50'000'000);
  fs::rename(from("g"), from("f"));
  set_mtime(from("f"), kOldTime + 5);
  EXPECT_LT(send("f"), 400'000U);
  struct stat status {};
  ASSERT_EQ(::stat(to("f").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 10'000'000);
}

}  // namespace
}  // namespace twsync
