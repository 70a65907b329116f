// Every kind of operation, expected and unexpected, on real directories.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "common/model/time_limits.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

class Apply : public FsTest {};

TEST_F(Apply, puts_a_new_file_with_content_mode_and_time) {
  old_file(from("a"), "hello");
  ::chmod(from("a").c_str(), 0640);
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("a")), "hello");
  EXPECT_EQ(mode_of(to("a")), 0640U);
  EXPECT_EQ(mtime_of(to("a")), kOldTime);
  EXPECT_EQ(result.target.stamp, at_target("a").stamp);
  EXPECT_EQ(result.target.digest, at_target("a").digest);
  EXPECT_EQ(result.source.stamp, at_source("a").stamp);
  EXPECT_EQ(result.source.digest, at_source("a").digest);
  EXPECT_EQ(result.bytes, 5U);
  EXPECT_TRUE(versions().empty());
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, a_new_name_that_exists_by_now_is_stale_and_untouched) {
  old_file(from("a"), "ours");
  const Operation op = put("a");
  write_file(to("a"), "theirs");
  const OpResult result = apply_one(op);
  EXPECT_EQ(result.code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("a")), "theirs");
  EXPECT_EQ(result.target.size, 6U);
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, replaces_an_expected_file_and_keeps_the_old_version) {
  old_file(to("a"), "old");
  old_file(from("a"), "new content");
  Operation op = put("a");
  op.cause = LoserCause::conflict;
  const OpResult result = apply_one(op);
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("a")), "new content");
  ASSERT_EQ(versions().size(), 1U);
  const VersionRecord version = versions()[0];
  EXPECT_EQ(version.id, result.version);
  EXPECT_EQ(version.path, "a");
  EXPECT_EQ(version.cause, LoserCause::conflict);
  EXPECT_EQ(version.entry.digest, op.expected.digest);
  EXPECT_EQ(version_content(version.id), "old");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, a_file_edited_since_the_scan_stays) {
  old_file(to("a"), "old");
  old_file(from("a"), "new");
  const Operation op = put("a");
  write_file(to("a"), "edited by a user");
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("a")), "edited by a user");
  EXPECT_TRUE(versions().empty());
}

// Same size, same mtime, same inode: only ctime, and then the digest, tell.
TEST_F(Apply, an_edit_that_hides_behind_its_old_mtime_stays) {
  old_file(to("a"), "old");
  old_file(from("a"), "new");
  const Operation op = put("a");
  write_file(to("a"), "ed!");
  set_mtime(to("a"), kOldTime);
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("a")), "ed!");
}

// Without a stamp to trust, the digest decides.
TEST_F(Apply, a_racy_expectation_is_decided_by_content) {
  write_file(to("same"), "old");
  write_file(to("other"), "old");
  old_file(from("same"), "new");
  old_file(from("other"), "new");
  Operation same = put("same");
  Operation other = put("other");
  other.expected.digest.low ^= 1;
  Batch work = batch({same, other});
  work.scanned_ns = same.expected.stamp.mtime_ns;
  const auto results = apply(work);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("same")), "new");
  EXPECT_EQ(read_file(to("other")), "old");
}

// A cycle that scanned only the other side: the base's entry was looked at no earlier than at its ctime.
TEST_F(Apply, without_a_scan_the_ctime_says_when_it_was_seen) {
  old_file(to("settled"), "old");
  write_file(to("racy"), "old");
  old_file(from("settled"), "new");
  old_file(from("racy"), "new");
  Operation settled = put("settled");
  Operation racy = put("racy");
  settled.expected.digest.low ^= 1;  // its content is not asked for
  racy.expected.digest.low ^= 1;
  Batch work = batch({settled, racy});
  work.scanned_ns = 0;
  const auto results = apply(work);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("settled")), "new");
  EXPECT_EQ(read_file(to("racy")), "old");
}

TEST_F(Apply, a_vanished_target_is_stale_and_nothing_appears) {
  old_file(to("a"), "old");
  old_file(from("a"), "new");
  const Operation op = put("a");
  ::unlink(to("a").c_str());
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("a")));
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, a_file_replaces_a_symlink_without_following_it) {
  old_file(to("victim"), "victim");
  std::filesystem::create_symlink("victim", to("a"));
  old_file(from("a"), "new");
  set_mtime(to("a"), kOldTime);
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("a")), "new");
  EXPECT_EQ(read_file(to("victim")), "victim");
  EXPECT_EQ(link_target(pair_dir() + "/versions/" + result.version), "victim");
}

TEST_F(Apply, a_file_replaces_an_empty_directory_but_never_a_full_one) {
  ::mkdir(to("empty").c_str(), 0755);
  ::mkdir(to("full").c_str(), 0755);
  old_file(from("empty"), "1");
  old_file(from("full"), "2");
  const Operation empty = put("empty");
  const Operation full = put("full");
  write_file(to("full/child"), "precious");
  const auto results = apply({empty, full});
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::exists);
  EXPECT_EQ(read_file(to("empty")), "1");
  EXPECT_EQ(read_file(to("full/child")), "precious");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, puts_and_retargets_symlinks_with_their_time) {
  std::filesystem::create_symlink("somewhere/else", from("l"));
  set_mtime(from("l"), kOldTime);
  EXPECT_EQ(apply_one(put_link("l")).code, ErrorCode::ok);
  EXPECT_EQ(link_target(to("l")), "somewhere/else");
  EXPECT_EQ(mtime_of(to("l")), kOldTime);

  std::filesystem::remove(from("l"));
  std::filesystem::create_symlink("/absolute", from("l"));
  const OpResult result = apply_one(put_link("l"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(link_target(to("l")), "/absolute");
  EXPECT_EQ(link_target(pair_dir() + "/versions/" + result.version), "somewhere/else");
}

TEST_F(Apply, a_retargeted_symlink_is_not_overwritten) {
  std::filesystem::create_symlink("x", to("l"));
  std::filesystem::create_symlink("y", from("l"));
  const Operation op = put_link("l");
  std::filesystem::remove(to("l"));
  std::filesystem::create_symlink("z", to("l"));
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(link_target(to("l")), "z");
}

TEST_F(Apply, makes_directories_in_order_and_takes_existing_ones) {
  ::mkdir(to("there").c_str(), 0750);
  Operation there = make_dir("there");
  there.expected = Entry{};
  const auto results = apply({make_dir("d", 02775), make_dir("d/e", 0500), there}, true);
  for (const OpResult& result : results) EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(mode_of(to("d")), 02775U);
  EXPECT_EQ(mode_of(to("d/e")), 0700U);  // can be filled; its own mode comes last
  EXPECT_EQ(mode_of(to("there")), 0750U);
  EXPECT_EQ(results[1].target.kind, Kind::directory);
}

TEST_F(Apply, a_directory_replaces_an_expected_file_only) {
  old_file(to("a"), "old");
  old_file(to("b"), "old");
  const Operation a = make_dir("a");
  const Operation b = make_dir("b");
  write_file(to("b"), "edited");
  const auto results = apply({a, b}, true);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::stale);
  EXPECT_TRUE(std::filesystem::is_directory(to("a")));
  EXPECT_EQ(version_content(results[0].version), "old");
  EXPECT_EQ(read_file(to("b")), "edited");
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Apply, a_symlink_where_a_directory_should_be_made_is_stale) {
  TempDir outside;
  std::filesystem::create_symlink(outside.path(), to("d"));
  Operation op = make_dir("d");
  op.expected = Entry{};
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
}

TEST_F(Apply, removes_an_expected_file_into_the_store) {
  old_file(to("a"), "old");
  old_file(to("b"), "old");
  const Operation a = remove("a");
  const Operation b = remove("b");
  write_file(to("b"), "edited");
  const auto results = apply({a, b});
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_FALSE(stands(to("a")));
  EXPECT_EQ(version_content(results[0].version), "old");
  EXPECT_EQ(results[0].target.kind, Kind::none);
  EXPECT_EQ(results[1].code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("b")), "edited");
}

TEST_F(Apply, removing_again_is_done_already) {
  old_file(to("a"), "old");
  const Operation op = remove("a");
  EXPECT_EQ(apply_one(op).code, ErrorCode::ok);
  EXPECT_EQ(apply_one(op).code, ErrorCode::ok);
  EXPECT_EQ(versions().size(), 1U);
}

TEST_F(Apply, removes_directories_bottom_up_and_keeps_full_ones) {
  std::filesystem::create_directories(to("d/e"));
  std::filesystem::create_directories(to("f"));
  ::chmod(to("d/e").c_str(), 0710);
  const Operation e = remove_dir("d/e");
  const Operation d = remove_dir("d");
  const Operation f = remove_dir("f");
  write_file(to("f/new"), "x");
  const auto results = apply({e, d, f}, true);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  EXPECT_EQ(results[2].code, ErrorCode::exists);
  EXPECT_FALSE(stands(to("d")));
  EXPECT_EQ(read_file(to("f/new")), "x");
  const auto kept = versions();
  ASSERT_EQ(kept.size(), 2U) << "what was removed, and nothing of what stayed";
  EXPECT_EQ(kept[0].path, "d/e");
  EXPECT_EQ(kept[0].entry.mode, 0710U);
  EXPECT_EQ(kept[0].how, Displaced::removed);
  EXPECT_EQ(kept[0].id, results[0].version);
}

TEST_F(Apply, renames_what_is_expected_and_never_onto_something) {
  std::filesystem::create_directories(to("d/sub"));
  old_file(to("d/sub/f"), "f");
  old_file(to("a"), "a");
  old_file(to("b"), "b");
  const Operation directory = rename("d", "e");
  const Operation file = rename("a", "moved");
  Operation onto = rename("b", "taken");
  write_file(to("taken"), "theirs");
  const auto results = apply({directory, file, onto}, true);
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  EXPECT_EQ(results[2].code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("e/sub/f")), "f");
  EXPECT_EQ(read_file(to("moved")), "a");
  EXPECT_EQ(results[1].target.digest, file.expected.digest);
  EXPECT_EQ(read_file(to("b")), "b");
  EXPECT_EQ(read_file(to("taken")), "theirs");
}

TEST_F(Apply, does_not_rename_a_file_that_was_edited) {
  old_file(to("a"), "a");
  const Operation op = rename("a", "b");
  write_file(to("a"), "edited");
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
  EXPECT_EQ(read_file(to("a")), "edited");
  EXPECT_FALSE(stands(to("b")));
}

TEST_F(Apply, an_ordered_batch_builds_on_itself) {
  old_file(to("x"), "x");
  const auto results = apply({make_dir("n"), rename("x", "n/x"), make_dir("n/m")}, true);
  for (const OpResult& result : results) EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("n/x")), "x");
  EXPECT_TRUE(stands(to("n/m")));
}

TEST_F(Apply, sets_metadata_of_untouched_entries_only) {
  old_file(to("a"), "a");
  old_file(to("b"), "b");
  std::filesystem::create_symlink("t", to("l"));
  ::mkdir(to("d").c_str(), 0755);
  const Operation a = metadata("a", [](Entry& e) {
    e.mode = 0600;
    e.mtime_ns = kOldTime + 7;
  });
  const Operation b = metadata("b", [](Entry& e) { e.mode = 0600; });
  const Operation l = metadata("l", [](Entry& e) { e.mtime_ns = kOldTime; });
  const Operation d = metadata("d", [](Entry& e) {
    e.mode = 0555;
    e.mtime_ns = kOldTime;
  });
  ::chmod(to("b").c_str(), 0777);
  ::chmod(to("b").c_str(), 0644);
  const auto results = apply({a, b, l, d});
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(mode_of(to("a")), 0600U);
  EXPECT_EQ(mtime_of(to("a")), kOldTime + 7);
  EXPECT_EQ(results[0].target.digest, a.expected.digest);
  EXPECT_EQ(results[0].target.stamp, at_target("a").stamp);
  EXPECT_EQ(results[1].code, ErrorCode::stale);  // its ctime moved
  EXPECT_EQ(mode_of(to("b")), 0644U);
  EXPECT_EQ(results[2].code, ErrorCode::ok) << results[2].message;
  EXPECT_EQ(mtime_of(to("l")), kOldTime);
  EXPECT_EQ(results[3].code, ErrorCode::ok) << results[3].message;
  EXPECT_EQ(mode_of(to("d")), 0555U);
  EXPECT_EQ(mtime_of(to("d")), kOldTime);
}

TEST_F(Apply, a_directory_that_the_plan_made_needs_no_stamp) {
  ::mkdir(to("d").c_str(), 0700);
  Operation op = metadata("d", [](Entry& e) { e.mode = 0711; });
  op.expected.stamp = {};
  op.expected.mode = 0711;
  EXPECT_EQ(apply_one(op).code, ErrorCode::ok);
  EXPECT_EQ(mode_of(to("d")), 0711U);
}

TEST_F(Apply, drops_setuid_and_keeps_setgid_and_sticky) {
  old_file(from("a"), "a");
  ::chmod(from("a").c_str(), 06755);
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(mode_of(to("a")), 02755U);
  EXPECT_EQ(apply_one(make_dir("d", 03777)).code, ErrorCode::ok);
  EXPECT_EQ(mode_of(to("d")), 03777U);
}

TEST_F(Apply, keeps_setuid_when_asked_and_the_owner_is_preserved) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  source_options_.preserve_owner = target_options_.preserve_owner = true;
  target_options_.preserve_setuid = true;
  old_file(from("a"), "a");
  ASSERT_EQ(::chown(from("a").c_str(), 65534, 54321), 0);
  ::chmod(from("a").c_str(), 06755);
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(mode_of(to("a")), 06755U);
  EXPECT_EQ(result.target.owner.str(), "nobody");
  old_file(to("live"), "live");
  EXPECT_EQ(apply_one(metadata("live",
                               [](Entry& e) {
                                 e.mode = 04711;
                                 e.owner = Name("nobody");
                                 e.group = Name("root");
                               }))
                .code,
            ErrorCode::ok);
  EXPECT_EQ(mode_of(to("live")), 04711U);
}

TEST_F(Apply, drops_setuid_where_the_owner_is_not_preserved) {
  target_options_.preserve_setuid = true;
  old_file(from("a"), "a");
  ::chmod(from("a").c_str(), 04755);
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(mode_of(to("a")), 0755U);
}

TEST_F(Apply, without_preserved_owners_a_replaced_file_keeps_its_own) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  old_file(to("a"), "old");
  ASSERT_EQ(::chown(to("a").c_str(), 1234, 2345), 0);
  old_file(from("a"), "new");
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  struct stat st;
  ASSERT_EQ(::lstat(to("a").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 1234U);
  EXPECT_EQ(st.st_gid, 2345U);
}

std::string attribute_of(const std::string& path, const char* name) {
  char value[64];
  const ssize_t size = ::lgetxattr(path.c_str(), name, value, sizeof value);
  return size < 0 ? "<none>" : std::string(value, static_cast<size_t>(size));
}

TEST_F(Apply, without_preserved_attributes_a_replaced_file_keeps_its_own) {
  old_file(to("a"), "old");
  if (::lsetxattr(to("a").c_str(), "user.mine", "1", 1, 0) != 0) GTEST_SKIP() << "no attributes here";
  old_file(from("a"), "new");
  ::lsetxattr(from("a").c_str(), "user.theirs", "1", 1, 0);
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("a")), "new");
  EXPECT_EQ(attribute_of(to("a"), "user.mine"), "1");
  EXPECT_EQ(attribute_of(to("a"), "user.theirs"), "<none>");
}

TEST_F(Apply, what_root_alone_sees_of_attributes_is_carried) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  source_options_.preserve_xattrs = target_options_.preserve_xattrs = true;
  old_file(from("a"), "a");
  const std::vector<const char*> names = {"trusted.t", "security.other", "security.ima", "user.u"};
  for (const char* name : names) {
    if (::lsetxattr(from("a").c_str(), name, "1", 1, 0) != 0 && std::string(name) == "trusted.t")
      GTEST_SKIP() << "no attributes here";
  }
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(attribute_of(to("a"), "trusted.t"), "1");
  EXPECT_EQ(attribute_of(to("a"), "security.other"), attribute_of(from("a"), "security.other"));
  EXPECT_EQ(attribute_of(to("a"), "security.ima"), "<none>") << "a signature under another host's keys";
}

TEST_F(Apply, a_time_beyond_64_bits_of_nanoseconds_is_the_last_they_hold) {
  old_file(from("a"), "a");
  const struct timespec far[2] = {{0, UTIME_OMIT}, {10'413'792'000, 5}};  // in the year 2300
  ASSERT_EQ(::utimensat(AT_FDCWD, from("a").c_str(), far, 0), 0);
  struct stat st;
  ASSERT_EQ(::lstat(from("a").c_str(), &st), 0);
  if (st.st_mtim.tv_sec != far[1].tv_sec) GTEST_SKIP() << "this file system has no such time";
  EXPECT_EQ(at_source("a").mtime_ns, kLastTime);
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
  EXPECT_EQ(at_target("a").mtime_ns, kLastTime);
}

TEST_F(Apply, preserves_owners_by_name_then_id) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  source_options_.preserve_owner = target_options_.preserve_owner = true;
  old_file(from("a"), "a");
  ASSERT_EQ(::chown(from("a").c_str(), 65534, 54321), 0);
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(result.target.owner.str(), "nobody");
  EXPECT_EQ(result.target.group.str(), "#54321");
}

TEST_F(Apply, a_linked_file_is_stored_as_a_copy) {
  old_file(to("a"), "old");
  ASSERT_EQ(::link(to("a").c_str(), to("other-name").c_str()), 0);
  old_file(to("b"), "old b");
  ASSERT_EQ(::link(to("b").c_str(), to("other-b").c_str()), 0);
  old_file(from("a"), "new");
  const auto results = apply({put("a"), remove("b")});
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  write_file(to("other-name"), "written later");
  write_file(to("other-b"), "written later");
  EXPECT_EQ(version_content(results[0].version), "old");
  EXPECT_EQ(version_content(results[1].version), "old b");
  EXPECT_EQ(read_file(to("a")), "new");
}

TEST_F(Apply, an_older_epoch_is_refused_as_a_whole) {
  auto side = LocalSide::open(target_options_, clock_, host_);
  ASSERT_TRUE((*side)->claim({{"pair", Side::deploy, 7}, "test", {}}).ok());
  old_file(from("a"), "a");
  Batch work = batch({put("a")});
  work.epoch = 6;
  EXPECT_EQ(apply(work)[0].code, ErrorCode::cancelled);
  EXPECT_FALSE(stands(to("a")));
  work.id = 99;
  work.epoch = 7;
  EXPECT_EQ(apply(work)[0].code, ErrorCode::ok);
}

TEST_F(Apply, one_bad_item_never_stops_the_rest) {
  for (const char* name : {"a", "b", "c", "d", "e"}) old_file(from(name), name);
  std::vector<Operation> operations{put("a"), put("b"), put("c"), put("d"), put("e")};
  ::unlink(from("b").c_str());
  write_file(to("d"), "somebody's");
  const auto results = apply(operations);
  for (const size_t good : {0U, 2U, 4U}) EXPECT_EQ(results[good].code, ErrorCode::ok) << good;
  EXPECT_EQ(results[1].code, ErrorCode::stale) << "it cannot be read";
  EXPECT_NE(results[3].code, ErrorCode::ok) << "it cannot be put in its place";
  EXPECT_EQ(read_file(to("c")), "c");
  EXPECT_EQ(read_file(to("d")), "somebody's");
  EXPECT_EQ(read_file(to("e")), "e");
}

TEST_F(Apply, fifty_batches_in_flight_are_reported_in_order) {
  std::vector<Batch> batches;
  for (int b = 0; b < 50; ++b) {
    std::vector<Operation> operations;
    for (int i = 0; i < 20; ++i) {
      const std::string name = "f" + std::to_string(b) + "-" + std::to_string(i);
      old_file(from(name), name);
      Operation op;
      op.kind = OpKind::put_file;
      op.path = name;
      op.desired.kind = Kind::file;
      op.desired.mode = 0644;
      op.desired.mtime_ns = kOldTime;
      operations.push_back(op);
    }
    batches.push_back(batch(std::move(operations)));
  }
  for (const Batch& work : batches) {
    ASSERT_TRUE(applier().begin(work).ok());
    ASSERT_TRUE(sender().send(work, [&](std::string block) { return applier().content(std::move(block)); }).ok());
    ASSERT_TRUE(applier().end().ok());
  }
  ASSERT_TRUE(applier().drain().ok());
  ASSERT_EQ(results_.size(), 50U);
  for (size_t b = 0; b < 50; ++b) {
    EXPECT_EQ(results_[b].batch, batches[b].id);
    for (const OpResult& result : results_[b].results) EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  }
  EXPECT_EQ(read_file(to("f49-19")), "f49-19");
}

}  // namespace
}  // namespace twsync
