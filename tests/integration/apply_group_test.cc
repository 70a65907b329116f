// Hard links, and operations that go together or not at all, on real directories.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

uint64_t inode_of(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

uint64_t links_of(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 ? st.st_nlink : 0;
}

// What a directory of this does: nothing in it can be made, replaced or removed, also by root.
class Immutable {
 public:
  explicit Immutable(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    works_ = set(FS_IMMUTABLE_FL);
  }
  ~Immutable() {
    if (works_) set(0);
    ::close(fd_);
  }
  bool works() const { return works_; }

 private:
  bool set(int flags) { return ::ioctl(fd_, FS_IOC_SETFLAGS, &flags) == 0; }
  int fd_;
  bool works_ = false;
};

class ApplyGroup : public FsTest {
 protected:
  /// `path` becomes a name of what the same group puts at `lead`.
  Operation link_to_put(const std::string& path, const std::string& lead) {
    Operation op;
    op.kind = OpKind::link;
    op.path = path;
    op.from = lead;
    op.expected = at_target(path);
    op.desired = at_source(lead);
    op.desired.stamp = {};
    return op;
  }
  /// `path` becomes a name of what stands at `anchor`.
  Operation link_to(const std::string& path, const std::string& anchor) {
    Operation op = link_to_put(path, anchor);
    op.desired = at_target(anchor);
    return op;
  }
  static std::vector<Operation> together(std::vector<Operation> operations) {
    for (Operation& op : operations) op.group = 7;
    return operations;
  }
  static void expect_all(const std::vector<OpResult>& results, ErrorCode code) {
    for (const OpResult& result : results) EXPECT_EQ(result.code, code) << result.message;
  }
};

TEST_F(ApplyGroup, puts_one_file_under_each_name) {
  old_file(from("a"), "shared");
  ::mkdir(to("d").c_str(), 0755);
  old_file(to("d/b"), "what stood there");
  const auto results = apply(together({put("a"), link_to_put("d/b", "a"), link_to_put("c", "a")}));
  expect_all(results, ErrorCode::ok);
  EXPECT_EQ(inode_of(to("a")), inode_of(to("d/b")));
  EXPECT_EQ(inode_of(to("a")), inode_of(to("c")));
  EXPECT_EQ(links_of(to("a")), 3U);
  EXPECT_EQ(read_file(to("c")), "shared");
  EXPECT_EQ(mtime_of(to("c")), kOldTime);
  for (const OpResult& result : results) {
    EXPECT_EQ(result.target.stamp, at_target("a").stamp);
    EXPECT_EQ(result.target.links, 3U);
    EXPECT_EQ(result.target.digest, at_target("a").digest);
    EXPECT_EQ(result.source.stamp, at_source("a").stamp);
    EXPECT_FALSE(result.apart);
  }
  EXPECT_EQ(version_content(results[1].version), "what stood there");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, replaces_a_group_by_a_group_and_keeps_the_old_version) {
  old_file(to("a"), "old");
  std::filesystem::create_hard_link(to("a"), to("b"));
  old_file(from("a"), "newer");
  const auto results = apply(together({put("a"), link_to_put("b", "a")}));
  expect_all(results, ErrorCode::ok);
  EXPECT_EQ(inode_of(to("a")), inode_of(to("b")));
  EXPECT_EQ(read_file(to("b")), "newer");
  EXPECT_EQ(version_content(results[0].version), "old");
  EXPECT_EQ(version_content(results[1].version), "old");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, links_to_what_stands_there) {
  old_file(to("a"), "shared");
  old_file(to("b"), "other");
  const auto results = apply({link_to("b", "a"), link_to("c", "a")});
  expect_all(results, ErrorCode::ok);
  EXPECT_EQ(links_of(to("a")), 3U);
  EXPECT_EQ(inode_of(to("b")), inode_of(to("a")));
  EXPECT_EQ(results[1].target.digest, at_target("a").digest);
  EXPECT_EQ(version_content(results[0].version), "other");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, does_not_link_to_what_was_edited_meanwhile) {
  old_file(to("a"), "shared");
  const Operation op = link_to("b", "a");
  write_file(to("a"), "edited");
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("b")));
}

// Same size, same mtime: ctime moved, so the content is read.
TEST_F(ApplyGroup, does_not_link_to_an_edit_that_hides_behind_its_old_time) {
  old_file(to("a"), "shared");
  const Operation op = link_to("b", "a");
  write_file(to("a"), "edited");
  set_mtime(to("a"), kOldTime);
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("b")));
}

TEST_F(ApplyGroup, does_not_link_to_what_was_replaced_meanwhile) {
  old_file(to("a"), "shared");
  const Operation op = link_to("b", "a");
  old_file(to("new"), "shared");
  std::filesystem::rename(to("new"), to("a"));
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  ::unlink(to("a").c_str());
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("b")));
}

TEST_F(ApplyGroup, never_links_to_what_a_symlink_leads_to) {
  old_file(to("a"), "shared");
  const Operation op = link_to("b", "a");
  TempDir outside;
  old_file(outside / "secret", "shared");
  ::unlink(to("a").c_str());
  std::filesystem::create_symlink(outside / "secret", to("a"));
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(links_of(outside / "secret"), 1U);
}

TEST_F(ApplyGroup, a_name_that_moved_on_leaves_all_of_them) {
  old_file(from("a"), "new");
  old_file(to("a"), "old");
  old_file(to("b"), "old b");
  auto operations = together({put("a"), link_to_put("b", "a"), link_to_put("c", "a")});
  write_file(to("b"), "edited by a user");
  const auto results = apply(operations);
  expect_all(results, ErrorCode::stale);
  EXPECT_EQ(read_file(to("a")), "old");
  EXPECT_EQ(read_file(to("b")), "edited by a user");
  EXPECT_FALSE(stands(to("c")));
  EXPECT_TRUE(versions().empty());
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, a_source_that_cannot_be_read_leaves_all_of_them) {
  old_file(from("a"), "new");
  auto operations = together({put("a"), link_to_put("c", "a")});
  ::unlink(from("a").c_str());
  const auto results = apply(operations);
  EXPECT_NE(results[0].code, ErrorCode::ok);
  EXPECT_EQ(results[1].code, results[0].code);
  EXPECT_FALSE(stands(to("c")));
  EXPECT_TRUE(staged_names().empty());
}

// Looked at, staged, and the first ones visible, when a later one fails.
TEST_F(ApplyGroup, a_failure_in_the_middle_swaps_everything_back) {
  old_file(from("new"), "1");
  old_file(from("file"), "2");
  std::filesystem::create_symlink("new target", from("link"));
  old_file(to("file"), "old file");
  std::filesystem::create_symlink("old target", to("link"));
  set_mtime(to("link"), kOldTime);
  old_file(to("gone"), "removed");
  ::mkdir(to("d").c_str(), 0755);
  old_file(from("d"), "3");
  ::mkdir(to("locked").c_str(), 0755);
  const uint64_t before[] = {inode_of(to("file")), inode_of(to("link")), inode_of(to("gone")), inode_of(to("d"))};
  auto operations = together({put("new"), put("file"), put_link("link"), remove("gone"), put("d"),
                              link_to_put("linked", "file"), link_to_put("locked/x", "file")});
  operations[3].stage = OpStage::content;
  const Immutable locked(to("locked"));
  if (!locked.works()) GTEST_SKIP() << "no immutable directories here";
  const auto results = apply(operations);
  EXPECT_EQ(results[6].code, ErrorCode::denied) << results[6].message;
  expect_all(results, results[6].code);
  EXPECT_NE(results[0].message.find("locked/x"), std::string::npos) << results[0].message;
  EXPECT_FALSE(stands(to("new")));
  EXPECT_FALSE(stands(to("linked")));
  EXPECT_EQ(read_file(to("file")), "old file");
  EXPECT_EQ(link_target(to("link")), "old target");
  EXPECT_EQ(read_file(to("gone")), "removed");
  EXPECT_EQ(before[0], inode_of(to("file")));
  EXPECT_EQ(before[1], inode_of(to("link")));
  EXPECT_EQ(before[2], inode_of(to("gone")));
  EXPECT_EQ(before[3], inode_of(to("d")));
  EXPECT_TRUE(versions().empty());
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, all_kinds_come_together) {
  old_file(from("new"), "1");
  old_file(from("file"), "2");
  std::filesystem::create_symlink("new target", from("link"));
  old_file(to("file"), "old file");
  old_file(to("gone"), "removed");
  ::mkdir(to("d").c_str(), 0755);
  old_file(from("d"), "3");
  old_file(to("mode"), "4");
  auto operations = together({put("new"), put("file"), put_link("link"), remove("gone"), put("d"),
                              metadata("mode", [](Entry& e) { e.mode = 0600; })});
  operations[3].stage = OpStage::content;
  const auto results = apply(operations);
  expect_all(results, ErrorCode::ok);
  EXPECT_EQ(read_file(to("new")), "1");
  EXPECT_EQ(read_file(to("file")), "2");
  EXPECT_EQ(link_target(to("link")), "new target");
  EXPECT_FALSE(stands(to("gone")));
  EXPECT_EQ(read_file(to("d")), "3");
  EXPECT_EQ(mode_of(to("mode")), 0600U);
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, what_cannot_be_undone_is_not_in_a_group) {
  old_file(from("a"), "new");
  old_file(to("b"), "moved");
  const auto results = apply(together({put("a"), rename("b", "c")}));
  expect_all(results, ErrorCode::peer_violation);
  EXPECT_FALSE(stands(to("a")));
  EXPECT_TRUE(stands(to("b")));
}

/// "d" is a file on the source side and a filled directory here, "f" the reverse; the last one cannot be made.
class ChangeOfKind : public ApplyGroup {
 protected:
  void SetUp() override {
    old_file(from("d"), "file for directory");
    ::mkdir(from("f").c_str(), 0755);
    ::mkdir(from("f/sub").c_str(), 0750);
    old_file(from("f/sub/x"), "new below");
    old_file(from("last"), "last");
    ::mkdir(to("d").c_str(), 0750);
    ::mkdir(to("d/sub").c_str(), 0710);
    old_file(to("d/sub/x"), "old below");
    old_file(to("f"), "directory for file");
    ::mkdir(to("locked").c_str(), 0755);
  }
  std::vector<Operation> operations() {
    Operation sub = make_dir("f/sub", 0750);
    sub.expected = {};
    Operation below = make_dir("f/sub/x");
    below.kind = OpKind::put_file;
    below.desired = at_source("f/sub/x");
    below.expected = {};
    auto all = together({remove("d/sub/x"), remove_dir("d/sub"), make_dir("f"), sub, put("d"), below, put("last")});
    for (Operation& op : all) op.stage = OpStage::content;
    return all;
  }
};

TEST_F(ChangeOfKind, comes_as_a_whole) {
  const auto results = apply(operations());
  expect_all(results, ErrorCode::ok);
  EXPECT_EQ(read_file(to("d")), "file for directory");
  EXPECT_EQ(read_file(to("f/sub/x")), "new below");
  EXPECT_EQ(read_file(to("last")), "last");
  EXPECT_EQ(version_content(results[0].version), "old below");
  EXPECT_EQ(version_content(results[2].version), "directory for file");
  EXPECT_EQ(versions().size(), 4U) << "with the two directories";
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ChangeOfKind, comes_not_at_all) {
  const uint64_t before[] = {inode_of(to("d")), inode_of(to("d/sub")), inode_of(to("d/sub/x")), inode_of(to("f"))};
  auto all = operations();
  all.back().path = "locked/x";
  std::filesystem::create_directory(from("locked"));
  old_file(from("locked/x"), "last");
  all.back().desired = at_source("locked/x");
  const Immutable locked(to("locked"));
  if (!locked.works()) GTEST_SKIP() << "no immutable directories here";
  const auto results = apply(all);
  expect_all(results, ErrorCode::denied);
  EXPECT_EQ(before[0], inode_of(to("d")));
  EXPECT_EQ(before[1], inode_of(to("d/sub")));
  EXPECT_EQ(before[2], inode_of(to("d/sub/x")));
  EXPECT_EQ(before[3], inode_of(to("f")));
  EXPECT_EQ(mode_of(to("d/sub")), 0710U);
  EXPECT_EQ(read_file(to("f")), "directory for file");
  EXPECT_TRUE(versions().empty());
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ChangeOfKind, what_somebody_put_there_keeps_all_of_it) {
  const auto all = operations();
  old_file(to("d/sub/theirs"), "theirs");
  const auto results = apply(all);
  expect_all(results, ErrorCode::exists);
  EXPECT_EQ(read_file(to("d/sub/theirs")), "theirs");
  EXPECT_EQ(read_file(to("d/sub/x")), "old below");
  EXPECT_EQ(read_file(to("f")), "directory for file");
  EXPECT_FALSE(stands(to("last")));
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyGroup, names_of_one_file_get_their_metadata_together) {
  old_file(to("a"), "shared");
  std::filesystem::create_hard_link(to("a"), to("b"));
  const auto change = [](Entry& e) {
    e.mode = 0600;
    e.mtime_ns = kOldTime + kSecond;
  };
  auto operations = together({metadata("a", change), metadata("b", change), link_to("c", "a")});
  operations[2].desired.mode = 0600;
  operations[2].desired.mtime_ns = kOldTime + kSecond;
  const auto results = apply(operations);
  expect_all(results, ErrorCode::ok);
  for (const OpResult& result : results) {
    EXPECT_EQ(result.target.stamp, at_target("a").stamp);
    EXPECT_EQ(result.target.mode, 0600U);
    EXPECT_EQ(result.target.digest, at_target("a").digest);
  }
  EXPECT_EQ(links_of(to("a")), 3U);
}

// In different batches too: what was done by one name is no surprise at the other.
TEST_F(ApplyGroup, what_we_did_by_one_name_is_no_surprise_at_another) {
  old_file(to("a"), "shared");
  std::filesystem::create_hard_link(to("a"), to("b"));
  std::filesystem::create_hard_link(to("a"), to("c"));
  const auto change = [](Entry& e) { e.mode = 0600; };
  const Operation b = metadata("b", change);
  const Operation c = metadata("c", change);
  old_file(from("a"), "new");
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(apply_one(b).code, ErrorCode::ok);
  EXPECT_EQ(apply_one(c).code, ErrorCode::ok);
  ::chmod(to("b").c_str(), 0640);
  EXPECT_EQ(apply_one(c).code, ErrorCode::stale);
}

// ext4 makes 65,000 names of a file; the 65,001st is a copy.
TEST_F(ApplyGroup, a_refused_link_becomes_a_copy) {
  old_file(to("a"), "shared");
  ::chmod(to("a").c_str(), 0640);
  ::mkdir(to("many").c_str(), 0755);
  int made = 1;
  while (made <= 70'000 && ::link(to("a").c_str(), (to("many/") + std::to_string(made)).c_str()) == 0) ++made;
  if (made > 70'000) GTEST_SKIP() << "no limit of names here";
  set_mtime(to("a"), kOldTime);
  const OpResult result = apply_one(link_to("b", "a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_TRUE(result.apart);
  EXPECT_FALSE(result.message.empty());
  EXPECT_NE(inode_of(to("b")), inode_of(to("a")));
  EXPECT_EQ(read_file(to("b")), "shared");
  EXPECT_EQ(mode_of(to("b")), 0640U);
  EXPECT_EQ(mtime_of(to("b")), kOldTime);
  EXPECT_EQ(result.target.digest, at_target("b").digest);
  EXPECT_TRUE(staged_names().empty());
}

// What a crash between exchange and the version store leaves: ours go, what was displaced is kept.
TEST_F(ApplyGroup, further_names_in_the_stage_are_told_from_what_they_displaced) {
  old_file(to("a"), "shared");
  old_file(to("b"), "displaced");
  (void)applier();
  const std::string session = pair_dir() + "/stage/s-crashed";
  ::mkdir(session.c_str(), 0700);
  const std::string number = std::to_string(inode_of(to("a")));
  std::filesystem::create_hard_link(to("a"), session + "/" + number);
  std::filesystem::create_hard_link(to("a"), session + "/" + number + ".3");
  std::filesystem::rename(to("b"), session + "/" + number + ".4");
  close_applier();
  (void)applier();
  EXPECT_TRUE(staged_names().empty());
  EXPECT_EQ(links_of(to("a")), 1U);
  ASSERT_EQ(versions().size(), 1U);
  EXPECT_EQ(version_content(versions()[0].id), "displaced");
}

}  // namespace
}  // namespace twsync
