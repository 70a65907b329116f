// Races, links planted in the way, hostile names and streams, leftovers of a crash.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "common/fs/block_codec.h"
#include "common/fs/content_format.h"
#include "common/fs/rename.h"
#include "tests/support/fs_fixture.h"

namespace {
std::function<void(const std::string& name)> before_unlink;
}

// In place of the library's: what happens in the middle of a removal.
extern "C" int unlinkat(int dir_fd, const char* name, int flags) noexcept {
  if (before_unlink) before_unlink(name);
  return static_cast<int>(::syscall(SYS_unlinkat, dir_fd, name, flags));
}

namespace twsync {
namespace {

class ApplyHostile : public FsTest {
 protected:
  // A block with the given records, raw or compressed as the encoder likes.
  static std::string block(const std::string& records) { return BlockEncoder().encode(records); }
  static Operation bare_put(const std::string& path) {
    Operation op;
    op.kind = OpKind::put_file;
    op.path = path;
    op.desired.kind = Kind::file;
    op.desired.mode = 0644;
    op.desired.mtime_ns = kOldTime;
    return op;
  }
  static std::string begin_record(uint32_t id, uint64_t size) {
    BeginRecord begin;
    begin.op = id;
    begin.source.kind = Kind::file;
    begin.source.size = size;
    return encode_begin(begin);
  }
  std::vector<OpResult> last_results() {
    (void)applier().drain();
    std::lock_guard lock(mutex_);
    return results_.empty() ? std::vector<OpResult>{} : results_.back().results;
  }
};

TEST_F(ApplyHostile, a_symlink_planted_as_a_parent_is_not_followed) {
  TempDir outside;
  write_file(outside / "a", "canary");
  std::filesystem::create_directories(from("d/e"));
  old_file(from("d/e/a"), "hostile");
  std::filesystem::create_symlink(outside.path(), to("d"));
  ::mkdir((outside / "e").c_str(), 0755);
  std::vector<Operation> operations{bare_put("d/e/a")};
  for (const OpKind kind : {OpKind::make_directory, OpKind::put_symlink, OpKind::remove, OpKind::remove_directory,
                            OpKind::set_metadata, OpKind::rename}) {
    Operation op = bare_put(kind == OpKind::remove_directory ? "d/e" : "d/a");
    op.kind = kind;
    op.from = "d/a";
    if (kind == OpKind::rename) op.path = "stolen";
    op.desired.target = "t";
    op.expected.kind = kind == OpKind::remove_directory ? Kind::directory : Kind::file;
    operations.push_back(op);
  }
  for (const OpResult& result : apply(operations)) EXPECT_EQ(result.code, ErrorCode::stale) << result.id;
  EXPECT_EQ(read_file(outside / "a"), "canary");
  EXPECT_TRUE(stands(outside / "e"));
  EXPECT_FALSE(stands(outside / "e/a"));
  EXPECT_FALSE(stands(to("stolen")));
}

TEST_F(ApplyHostile, refuses_every_path_that_leaves_or_enters_the_state_directory) {
  old_file(from("a"), "a");
  std::vector<Operation> operations;
  for (const char* path : {"", "..", "../x", "/etc/x", "a/../../x", "a//b", ".twsync", ".twsync/pair/marker", "./a"}) {
    operations.push_back(bare_put(path));
  }
  Operation out = bare_put("ok");
  out.kind = OpKind::rename;
  out.from = ".twsync/pair";
  operations.push_back(out);
  for (const OpResult& result : apply(operations)) EXPECT_EQ(result.code, ErrorCode::peer_violation) << result.id;
  EXPECT_FALSE(stands(to("ok")));
}

TEST_F(ApplyHostile, the_same_name_deeper_is_ordinary) {
  std::filesystem::create_directories(from("d"));
  old_file(from("d/.twsync"), "x");
  ::mkdir(to("d").c_str(), 0755);
  EXPECT_EQ(apply_one(put("d/.twsync")).code, ErrorCode::ok);
}

TEST_F(ApplyHostile, names_of_every_kind_arrive_byte_for_byte) {
  std::vector<Operation> operations;
  const std::vector<std::string> names{"line\nfeed", "\xff\xfe invalid", "-rf", std::string(255, 'x'), " trailing ",
                                       "%41",        "\x1b[31m",         "a\tb"};
  for (const std::string& name : names) {
    old_file(from(name), name);
    old_file(to(name), "old");
    operations.push_back(put(name));
  }
  for (const OpResult& result : apply(operations)) EXPECT_EQ(result.code, ErrorCode::ok) << result.id << result.message;
  for (const std::string& name : names) EXPECT_EQ(read_file(to(name)), name);
  std::vector<std::string> kept;
  for (const VersionRecord& version : versions()) kept.push_back(version.path);
  EXPECT_EQ(kept, names);
}

TEST_F(ApplyHostile, a_writer_between_scan_and_swap_loses_nothing) {
  old_file(from("a"), "from the other side");
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  // A user who replaces the file by rename, as editors do, all the time.
  std::thread user([&] {
    while (!stop) {
      write_file(to("a.tmp"), "user " + std::to_string(written + 1));
      std::filesystem::rename(to("a.tmp"), to("a"));
      ++written;
    }
  });
  for (int round = 0; round < 60; ++round) {
    Operation op = put("a");
    const OpResult result = apply_one(op);
    EXPECT_TRUE(result.code == ErrorCode::ok || result.code == ErrorCode::stale) << result.message;
  }
  stop = true;
  user.join();
  // The user's last word is in place or, when we put ours over it knowingly, in the store.
  const std::string last = "user " + std::to_string(written);
  bool found = read_file(to("a")) == last;
  for (const VersionRecord& version : versions()) found = found || version_content(version.id) == last;
  EXPECT_TRUE(found);
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(ApplyHostile, parents_swapped_for_links_all_the_time_never_lead_outside) {
  TempDir outside;
  ::mkdir(to("real").c_str(), 0755);
  std::atomic<bool> stop{false};
  std::filesystem::create_symlink(outside.path(), to("link"));
  std::thread flipper([&] {
    while (!stop) {
      (void)rename_exchange(AT_FDCWD, to("real").c_str(), AT_FDCWD, to("link").c_str());
    }
  });
  std::filesystem::create_directories(from("real"));
  for (int round = 0; round < 100; ++round) {
    const std::string name = "real/f" + std::to_string(round);
    old_file(from(name), "x");
    (void)apply_one(bare_put(name));
  }
  stop = true;
  flipper.join();
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
}

TEST_F(ApplyHostile, leftovers_in_the_stage_are_told_apart) {
  old_file(from("a"), "a");
  (void)apply_one(put("a"));
  close_applier();
  const std::string session = pair_dir() + "/stage/s-dead";
  ::mkdir(session.c_str(), 0700);
  write_file(session + "/tmp", "ours");
  struct stat st;
  ASSERT_EQ(::lstat((session + "/tmp").c_str(), &st), 0);
  std::filesystem::rename(session + "/tmp", session + "/" + std::to_string(st.st_ino));
  write_file(session + "/new-0123", "ours too");
  write_file(session + "/1", "somebody's");
  ::mkdir((session + "/2").c_str(), 0755);
  write_file(session + "/2/below", "deep");
  applier();
  EXPECT_FALSE(stands(session));
  const auto kept = versions();
  ASSERT_EQ(kept.size(), 2U);
  std::vector<std::string> contents{version_content(kept[0].id), version_content(kept[0].id + "/below"),
                                    version_content(kept[1].id), version_content(kept[1].id + "/below")};
  EXPECT_NE(std::find(contents.begin(), contents.end(), "somebody's"), contents.end());
  EXPECT_NE(std::find(contents.begin(), contents.end(), "deep"), contents.end());
  for (const VersionRecord& version : kept) EXPECT_EQ(version.cause, LoserCause::foreign);
}

TEST_F(ApplyHostile, another_living_session_is_left_alone) {
  old_file(from("a"), "a");
  applier();
  const size_t before =
      static_cast<size_t>(std::distance(std::filesystem::directory_iterator(pair_dir() + "/stage"), {}));
  auto second = Applier::open(target_options_, clock_, [](BatchResult) {});
  ASSERT_TRUE(second);
  const size_t after =
      static_cast<size_t>(std::distance(std::filesystem::directory_iterator(pair_dir() + "/stage"), {}));
  EXPECT_EQ(after, before + 1);
  EXPECT_EQ(apply_one(put("a")).code, ErrorCode::ok);
}

// What was displaced and not yet in the store when the process died carries its path.
TEST_F(ApplyHostile, a_crash_after_the_swap_keeps_the_displaced_version_with_its_path) {
  old_file(to("d"), "old");
  applier();
  close_applier();
  const std::string session = pair_dir() + "/stage/s-dead";
  ::mkdir(session.c_str(), 0700);
  const UniqueFd fd(::open((pair_dir() + "/versions").c_str(), O_RDONLY | O_DIRECTORY));
  auto store = VersionStore::open(fd.get(), clock_);
  VersionRecord record;
  record.path = "d";
  record.entry = at_target("d");
  ASSERT_TRUE((*store)->reserve_durably(record));
  std::filesystem::rename(to("d"), session + "/77");
  applier();
  ASSERT_EQ(versions().size(), 1U);
  EXPECT_EQ(versions()[0].path, "d");
  EXPECT_EQ(version_content(versions()[0].id), "old");
}

TEST_F(ApplyHostile, wrong_digest_fails_that_file_alone) {
  const Batch work = batch({bare_put("a"), bare_put("b")});
  ASSERT_TRUE(applier().begin(work).ok());
  const Digest right = Hasher(HashKey{}).hash("abc");
  Digest wrong = right;
  wrong.low ^= 1;
  const std::string records = begin_record(0, 3) + encode_data_head(3) + "abc" + encode_end(wrong) +
                              begin_record(1, 3) + encode_data_head(3) + "abc" + encode_end(right);
  ASSERT_TRUE(applier().content(block(records)).ok());
  ASSERT_TRUE(applier().end().ok());
  const auto results = last_results();
  EXPECT_EQ(results[0].code, ErrorCode::corrupt);
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  EXPECT_FALSE(stands(to("a")));
}

TEST_F(ApplyHostile, an_aborted_file_starts_over) {
  const Batch work = batch({bare_put("a")});
  ASSERT_TRUE(applier().begin(work).ok());
  const std::string records = begin_record(0, 9) + encode_data_head(3) + "xyz" + encode_abort() + begin_record(0, 3) +
                              encode_data_head(3) + "abc" + encode_end(Hasher(HashKey{}).hash("abc"));
  ASSERT_TRUE(applier().content(block(records)).ok());
  ASSERT_TRUE(applier().end().ok());
  EXPECT_EQ(last_results()[0].code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("a")), "abc");
}

TEST_F(ApplyHostile, broken_streams_are_violations_and_apply_nothing) {
  const std::string whole =
      begin_record(0, 3) + encode_data_head(3) + "abc" + encode_end(Hasher(HashKey{}).hash("abc"));
  const std::vector<std::string> streams{
      block(begin_record(1, 3)),                                // not the next operation
      block(begin_record(0, 3) + begin_record(0, 3)),           // within a file
      block(begin_record(0, 2) + encode_data_head(3) + "abc"),  // too much
      block(begin_record(0, 4) + encode_data_head(3) + "abc" + encode_end(Hasher(HashKey{}).hash("abc"))),
      block(begin_record(0, 3) + encode_hole(UINT64_MAX)),
      block(encode_abort()),
      block(std::string("\x09\0\0\0", 4)),
      block(std::string("\x02\xff\xff\xff", 4)),
      std::string("\x01\0\0\0\xff\xff\xff\x7f", 8) + "x",  // bomb
      std::string("\x01\0\0\0\x08\0\0\0", 8) + "not zstd",
      "short",
  };
  for (const std::string& stream : streams) {
    close_applier();
    ASSERT_TRUE(applier().begin(batch({bare_put("a")})).ok());
    (void)applier().content(stream);
    (void)applier().end();
    EXPECT_EQ(applier().drain().error().code, ErrorCode::peer_violation);
    EXPECT_NE(last_results().at(0).code, ErrorCode::ok);
    EXPECT_FALSE(stands(to("a")));
  }
}

TEST_F(ApplyHostile, missing_content_is_a_violation_but_what_is_whole_is_applied) {
  const Batch work = batch({bare_put("a"), bare_put("b")});
  ASSERT_TRUE(applier().begin(work).ok());
  ASSERT_TRUE(applier().content(block(begin_record(0, 0) + encode_end(Hasher(HashKey{}).hash("")))).ok());
  (void)applier().end();
  const auto results = last_results();
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::peer_violation);
}

TEST_F(ApplyHostile, a_dead_sender_leaves_what_is_whole) {
  const Batch work = batch({bare_put("a"), bare_put("b")});
  ASSERT_TRUE(applier().begin(work).ok());
  ASSERT_TRUE(
      applier().content(block(begin_record(0, 0) + encode_end(Hasher(HashKey{}).hash("")) + begin_record(1, 10))).ok());
  applier().abort_content(Error{ErrorCode::unreachable, "the connection broke", {}, 0});
  const auto results = last_results();
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  EXPECT_EQ(results[1].code, ErrorCode::unreachable);
  EXPECT_FALSE(stands(to("b")));
  old_file(from("c"), "c");
  EXPECT_EQ(apply_one(put("c")).code, ErrorCode::ok);
}

TEST_F(ApplyHostile, a_full_disk_fails_items_and_touches_nothing_else) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir small;
  ASSERT_EQ(::mount("tmpfs", small.path().c_str(), "tmpfs", 0, "size=1m"), 0);
  target_options_.root = small.path();
  write_file(small / "big", "old");
  set_mtime(small / "big", kOldTime);
  old_file(from("big"), std::string(4U << 20U, 'x'));
  old_file(from("little"), "fits");
  const auto results = apply({put("big"), put("little")});
  EXPECT_EQ(results[0].code, ErrorCode::no_space);
  EXPECT_EQ(results[1].code, ErrorCode::ok) << results[1].message;
  EXPECT_EQ(read_file(small / "big"), "old");
  EXPECT_EQ(read_file(small / "little"), "fits");
  close_applier();
  EXPECT_EQ(::umount2(small.path().c_str(), MNT_DETACH), 0);
}

TEST_F(ApplyHostile, a_replaced_root_is_not_written_to) {
  old_file(from("a"), "a");
  const Operation op = put("a");
  applier();
  sender();
  std::filesystem::rename(target_.path(), target_.path() + ".away");
  ::mkdir(target_.path().c_str(), 0755);
  EXPECT_EQ(apply_one(op).code, ErrorCode::guard);
  EXPECT_TRUE(std::filesystem::is_empty(target_.path()));
  EXPECT_FALSE(stands(target_.path() + ".away/a"));
  close_applier();
  std::filesystem::remove_all(target_.path() + ".away");
}

class WithoutRenameFlags : public FsTest {
 protected:
  WithoutRenameFlags() { set_plain_renames_only(true); }
  ~WithoutRenameFlags() override { set_plain_renames_only(false); }
};

TEST_F(WithoutRenameFlags, what_is_put_there_while_it_is_removed_is_not_lost) {
  old_file(to("a"), "old");
  const Operation op = remove("a");
  write_file(to("theirs"), "theirs");
  before_unlink = [this](const std::string& name) {
    if (name == "a") ::rename(to("theirs").c_str(), to("a").c_str());
  };
  EXPECT_EQ(apply_one(op).code, ErrorCode::ok);
  close_applier();
  before_unlink = {};
  EXPECT_TRUE(stands(to("theirs")) || read_file(to("a")) == "theirs");
}

TEST_F(WithoutRenameFlags, everything_still_works_and_keeps_versions) {
  old_file(from("new"), "new");
  old_file(from("replaced"), "new");
  old_file(to("replaced"), "old");
  old_file(from("stale"), "new");
  old_file(to("stale"), "old");
  old_file(to("removed"), "old");
  old_file(to("moved"), "moved");
  std::filesystem::create_symlink("t", from("link"));
  ::mkdir(to("empty").c_str(), 0755);
  old_file(from("empty"), "file");
  const std::vector<Operation> operations{put("new"),        put("replaced"),           put("stale"),
                                          remove("removed"), rename("moved", "moved2"), put_link("link"),
                                          put("empty")};
  write_file(to("stale"), "edited");
  const auto results = apply(operations);
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i].code, i == 2 ? ErrorCode::stale : ErrorCode::ok) << i << results[i].message;
  EXPECT_EQ(read_file(to("new")), "new");
  EXPECT_EQ(read_file(to("replaced")), "new");
  EXPECT_EQ(version_content(results[1].version), "old");
  EXPECT_EQ(read_file(to("stale")), "edited");
  EXPECT_EQ(version_content(results[3].version), "old");
  EXPECT_EQ(read_file(to("moved2")), "moved");
  EXPECT_EQ(link_target(to("link")), "t");
  EXPECT_EQ(read_file(to("empty")), "file");
  EXPECT_TRUE(staged_names().empty());
}

}  // namespace
}  // namespace twsync
