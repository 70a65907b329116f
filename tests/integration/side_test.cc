// Listing, digests, claim and sending of a real directory.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "common/base/max_path.h"
#include "common/base/rel_path.h"
#include "common/fs/state_dir.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

struct Listed {
  std::vector<PathEntry> entries;
  ListEnd end;
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const PathEntry& item : entries) out.push_back(item.path);
    return out;
  }
};

class SideTest : public FsTest {
 protected:
  LocalSide& side() {
    if (!side_) {
      auto opened = LocalSide::open(source_options_, clock_, host_);
      if (!opened) ADD_FAILURE() << describe(opened.error());
      side_ = std::move(opened).value();
    }
    return *side_;
  }
  Listed list(ListRequest request) {
    Listed out;
    auto end = side().list(request, [&](std::vector<PathEntry>&& chunk) -> Status {
      EXPECT_LE(chunk.size(), 1000U);
      std::move(chunk.begin(), chunk.end(), std::back_inserter(out.entries));
      return {};
    });
    EXPECT_TRUE(end) << describe(end.error());
    if (end) out.end = std::move(end).value();
    return out;
  }
  Listed list(const std::string& path = "", bool recursive = true) {
    ListRequest request;
    request.scopes.push_back({path, recursive});
    return list(request);
  }
  std::unique_ptr<LocalSide> side_;
};

using Paths = std::vector<std::string>;

TEST_F(SideTest, lists_in_path_order_without_its_own_state) {
  std::filesystem::create_directories(from("a/x"));
  std::filesystem::create_directories(from(".twsync/other"));
  std::filesystem::create_directories(from("b/.twsync"));
  for (const char* name : {"a-b", "a/x/y", "a/x-1", "b/f"}) old_file(from(name), name);
  std::filesystem::create_symlink("../a", from("b/l"));
  EXPECT_EQ(list().paths(), (Paths{"", "a", "a/x", "a/x/y", "a/x-1", "a-b", "b", "b/.twsync", "b/f", "b/l"}));
}

TEST_F(SideTest, a_wide_and_deep_tree_comes_in_order_and_whole) {
  for (int a = 0; a < 30; ++a) {
    for (int b = 0; b < 10; ++b) {
      const std::string directory = "d" + std::to_string(a) + "/e" + std::to_string(b);
      std::filesystem::create_directories(from(directory));
      for (int f = 0; f < 12; ++f) write_file(from(directory + "/f" + std::to_string(f)), "");
    }
  }
  const Listed all = list();
  EXPECT_EQ(all.entries.size(), 1U + 30 + 300 + 3600);
  for (size_t i = 1; i < all.entries.size(); ++i) {
    ASSERT_TRUE(compare_paths(all.entries[i - 1].path, all.entries[i].path) < 0) << all.entries[i].path;
  }
  EXPECT_TRUE(all.end.unreadable.empty());
}

TEST_F(SideTest, an_entry_says_what_stat_says) {
  old_file(from("f"), "12345");
  ::chmod(from("f").c_str(), 0751);
  ASSERT_EQ(::link(from("f").c_str(), from("g").c_str()), 0);
  struct stat st;
  ASSERT_EQ(::lstat(from("f").c_str(), &st), 0);
  const Entry entry = list("f").entries.at(0).entry;
  EXPECT_EQ(entry.kind, Kind::file);
  EXPECT_EQ(entry.mode, 0751U);
  EXPECT_EQ(entry.links, 2U);
  EXPECT_EQ(entry.size, 5U);
  EXPECT_EQ(entry.mtime_ns, kOldTime);
  EXPECT_EQ(entry.stamp.inode, st.st_ino);
  EXPECT_EQ(entry.stamp.ctime_ns, st.st_ctim.tv_sec * kSecond + st.st_ctim.tv_nsec);
  EXPECT_FALSE(entry.digest.known());
  EXPECT_TRUE(entry.owner.empty());
}

TEST_F(SideTest, scopes_give_one_path_or_all_below_and_absent_ones_nothing) {
  std::filesystem::create_directories(from("d/e"));
  old_file(from("d/f"), "");
  std::filesystem::create_symlink("d", from("l"));
  ListRequest request;
  request.scopes = {{"d", false},      {"d/e", true}, {"d/f/below", true}, {"d/none", true},
                    {"gone/x", false}, {"l", true},   {"l/f", true}};
  const Listed got = list(request);
  EXPECT_EQ(got.paths(), (Paths{"d", "d/e", "l"}));
  EXPECT_TRUE(got.end.unreadable.empty());
}

TEST_F(SideTest, ignored_and_never_paths_are_pruned_and_reported) {
  std::filesystem::create_directories(from("build/deep"));
  std::filesystem::create_directories(from("logs"));
  old_file(from("keep"), "");
  old_file(from("x.o"), "");
  old_file(from("y.tmp"), "");
  ListRequest request;
  request.scopes = {{"", true}};
  request.exclude = {"*.o"};
  request.ignore_lines = {"build/", "*.tmp"};
  request.ignore_split = 1;
  request.never = {"logs"};
  const Listed got = list(request);
  EXPECT_EQ(got.paths(), (Paths{"", "keep"}));
  EXPECT_EQ(got.end.ignored, (Paths{"build", "logs", "x.o", "y.tmp"}));
  request.scopes = {{"build/deep", true}};
  EXPECT_EQ(list(request).end.ignored, (Paths{"build/deep"}));
}

TEST_F(SideTest, special_files_are_reported_and_never_opened) {
  ASSERT_EQ(::mkfifo(from("pipe").c_str(), 0666), 0);
  const Listed got = list();
  ASSERT_EQ(got.entries.size(), 2U);
  EXPECT_EQ(got.entries[1].entry.kind, Kind::other);
  EXPECT_EQ(side().digest({{"pipe"}})->entries.at(0).entry.kind, Kind::other);
  Operation op;
  op.kind = OpKind::put_file;
  op.path = "pipe";
  op.desired.kind = Kind::file;
  EXPECT_EQ(apply_one(op).code, ErrorCode::stale);
}

// As another user, in a child: the parent's rights stay.
int as_nobody(const std::function<int()>& what) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::setgid(65534) != 0 || ::setuid(65534) != 0 ? 99 : what());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(SideTest, what_cannot_be_read_is_unknown_not_absent) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ::chmod(source_.path().c_str(), 0755);
  std::filesystem::create_directories(from("closed/below"));
  std::filesystem::create_directories(from("open"));
  old_file(from("secret"), "s");
  ::chmod(from("closed").c_str(), 0700);
  ::chmod(from("secret").c_str(), 0600);
  EXPECT_EQ(as_nobody([&] {
              const Listed got = list();
              if (got.paths() != Paths{"", "closed", "open", "secret"}) return 1;
              if (got.end.unreadable.size() != 1 || got.end.unreadable[0].path != "closed") return 2;
              ListRequest below;
              below.scopes = {{"closed/below", true}};
              const Listed scoped = list(below);
              if (scoped.end.unreadable.size() != 1 || scoped.end.unreadable[0].path != "closed/below") return 3;
              const auto digest = side().digest({{"secret"}});
              if (!digest || digest->failed.size() != 1 || !digest->entries[0].entry.is_file()) return 4;
              return digest->failed[0].code == ErrorCode::denied ? 0 : 5;
            }),
            0);
}

TEST_F(SideTest, a_mount_is_other_and_unknown_below) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directories(from("m/x"));
  ASSERT_EQ(::mount("tmpfs", from("m").c_str(), "tmpfs", 0, "size=1m"), 0);
  write_file(from("m/inside"), "x");
  const Listed got = list();
  EXPECT_EQ(got.paths(), (Paths{"", "m"}));
  EXPECT_EQ(got.entries.at(1).entry.kind, Kind::other);
  ASSERT_EQ(got.end.unreadable.size(), 1U);
  EXPECT_EQ(got.end.unreadable[0].path, "m");
  EXPECT_EQ(list("m/inside").end.unreadable.size(), 1U);
  EXPECT_EQ(::umount2(from("m").c_str(), MNT_DETACH), 0);
}

TEST_F(SideTest, a_bind_mount_of_the_same_file_system_is_a_mount_too) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directories(from("a"));
  std::filesystem::create_directories(from("m"));
  old_file(from("a/f"), "");
  ASSERT_EQ(::mount(from("a").c_str(), from("m").c_str(), "", MS_BIND, nullptr), 0);
  EXPECT_EQ(list().paths(), (Paths{"", "a", "a/f", "m"}));
  EXPECT_EQ(list("m/f").end.unreadable.size(), 1U);
  EXPECT_EQ(::umount2(from("m").c_str(), MNT_DETACH), 0);
}

TEST_F(SideTest, a_replaced_root_is_a_guard_error) {
  side();
  std::filesystem::rename(source_.path(), source_.path() + ".away");
  ::mkdir(source_.path().c_str(), 0755);
  const auto end = side().list({}, [](std::vector<PathEntry>&&) { return Status{}; });
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::guard);
  std::filesystem::remove(source_.path());
  std::filesystem::rename(source_.path() + ".away", source_.path());
  EXPECT_TRUE(side().list({}, [](std::vector<PathEntry>&&) { return Status{}; }));
}

TEST_F(SideTest, a_sender_of_an_open_directory_is_not_led_away_and_makes_nothing_there) {
  for (const char* directory : {"inner", "outside"}) std::filesystem::create_directory(from(directory));
  old_file(from("inner/kept"), "ours");
  old_file(from("outside/kept"), "a secret");
  const UniqueFd inner(::open(from("inner").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Operation op = put("inner/kept");
  op.path = "kept";
  std::filesystem::rename(from("inner"), from("moved"));
  std::filesystem::create_directory_symlink(from("outside"), from("inner"));
  const auto reader = Sender::open_at(inner.get(), source_options_);
  ASSERT_TRUE(reader);
  Batch sent = batch({op});
  ASSERT_TRUE(applier().begin(sent).ok());
  ASSERT_TRUE((*reader)->send(sent, [this](std::string block) { return applier().content(std::move(block)); }).ok());
  ASSERT_TRUE(applier().end().ok());
  ASSERT_TRUE(applier().drain().ok());
  EXPECT_EQ(read_file(to("kept")), "ours");
  EXPECT_FALSE(stands(from("moved/.twsync")));
  EXPECT_FALSE(stands(from("outside/.twsync")));
}

TEST_F(SideTest, a_symlink_as_root_is_refused) {
  RootOptions options = source_options_;
  options.root = target_ / "link";
  std::filesystem::create_symlink(source_.path(), options.root);
  for (const char* suffix : {"", "/", "//"}) {
    options.root = (target_ / "link") + suffix;
    const auto opened = LocalSide::open(options, clock_, host_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::guard);
  }
}

class FixedHost final : public HostFacts {
 public:
  std::string host_name() override { return "here"; }
  std::string boot_id() override { return boot; }
  int64_t booted_ns() override { return 77; }
  MountFacts mount_of(int) override { return {"fs", "1:2"}; }
  std::string boot = "boot-1";
};

TEST_F(SideTest, facts_name_host_root_and_markers) {
  FixedHost host;
  auto opened = LocalSide::open(source_options_, clock_, host);
  const auto before = (*opened)->facts();
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->root_empty);
  EXPECT_TRUE(before->markers.empty());
  EXPECT_FALSE(stands(from(".twsync")));  // asking writes nothing
  ASSERT_TRUE((*opened)->claim({{"pair-1", Side::code, 3}, "me", {}}).ok());
  host.boot = "boot-2";
  const auto after = (*opened)->facts();
  EXPECT_EQ(after->host, "here");
  EXPECT_EQ(after->boot_id, "boot-2");
  EXPECT_EQ(after->booted_ns, 77);
  EXPECT_EQ(after->file_system_id, "fs");
  EXPECT_EQ(after->mount, "1:2");
  EXPECT_TRUE(after->root_empty);
  ASSERT_EQ(after->markers.size(), 1U);
  EXPECT_EQ(after->markers[0].pair_id, "pair-1");
  EXPECT_EQ(after->markers[0].epoch, 3U);
  EXPECT_GT(after->free_bytes, 0U);
  write_file(from("x"), "");
  EXPECT_FALSE((*opened)->facts()->root_empty);
}

TEST_F(SideTest, a_second_controller_is_refused_with_the_holders_name) {
  ASSERT_TRUE(side().claim({{"pair", Side::code, 1}, "alpha, pid 1", {}}).ok());
  {
    auto other = LocalSide::open(source_options_, clock_, host_);
    const Status refused = (*other)->claim({{"pair", Side::code, 2}, "beta", {}});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::busy);
    EXPECT_NE(refused.error().message.find("alpha, pid 1"), std::string::npos);
  }
  ASSERT_TRUE(side().claim({{"pair", Side::code, 5}, "alpha", {}}).ok());
  EXPECT_EQ(side().claim({{"pair", Side::code, 4}, "alpha", {}}).error().code, ErrorCode::cancelled);
  side_.reset();
  auto other = LocalSide::open(source_options_, clock_, host_);
  EXPECT_TRUE((*other)->claim({{"pair", Side::code, 6}, "beta", {}}).ok());
  EXPECT_EQ(mode_of(from(".twsync")), 0700U);
}

TEST_F(SideTest, the_lock_of_another_pair_is_taken_too_and_kept) {
  ASSERT_TRUE(side().claim({{"mine", Side::code, 1}, "me", {}}).ok());
  auto theirs = LocalSide::open(source_options_, clock_, host_);
  ASSERT_TRUE((*theirs)->claim({{"theirs", Side::code, 1}, "host x, pid 7", {}}).ok());
  const Status held = side().exclude("theirs", "me");
  ASSERT_FALSE(held.ok());
  EXPECT_EQ(held.error().code, ErrorCode::busy);
  EXPECT_NE(held.error().message.find("host x, pid 7"), std::string::npos);
  theirs->reset();
  ASSERT_TRUE(side().exclude("theirs", "me").ok());
  ASSERT_TRUE(side().exclude("theirs", "me").ok());
  auto again = LocalSide::open(source_options_, clock_, host_);
  EXPECT_EQ((*again)->claim({{"theirs", Side::code, 2}, "x again", {}}).error().code, ErrorCode::busy);
  ASSERT_TRUE(side().forget().ok());
  EXPECT_FALSE(stands(from(".twsync/mine")));
  EXPECT_TRUE(stands(from(".twsync/theirs")));
}

// Of two that meet one gives its id up; what the other saw of it before must not come back as an empty directory.
TEST_F(SideTest, the_lock_of_a_pair_that_gave_way_makes_nothing) {
  ASSERT_TRUE(side().claim({{"mine", Side::code, 1}, "me", {}}).ok());
  EXPECT_TRUE(side().exclude("theirs", "me").ok());
  EXPECT_FALSE(stands(from(".twsync/theirs")));
  std::filesystem::create_directory(from(".twsync/theirs"));
  EXPECT_TRUE(side().exclude("theirs", "me").ok());
  EXPECT_TRUE(std::filesystem::is_empty(from(".twsync/theirs")));
}

// Somebody removed it; the marker still says that a controller of that id may come.
TEST_F(SideTest, a_missing_lock_beside_a_marker_is_made) {
  ASSERT_TRUE(side().claim({{"mine", Side::code, 1}, "me", {}}).ok());
  auto theirs = LocalSide::open(source_options_, clock_, host_);
  ASSERT_TRUE((*theirs)->claim({{"theirs", Side::code, 1}, "x", {}}).ok());
  theirs->reset();
  std::filesystem::remove(from(".twsync/theirs/lock"));
  EXPECT_TRUE(side().exclude("theirs", "me").ok());
  auto again = LocalSide::open(source_options_, clock_, host_);
  EXPECT_EQ((*again)->claim({{"theirs", Side::code, 2}, "x again", {}}).error().code, ErrorCode::busy);
}

TEST_F(SideTest, a_state_directory_that_is_a_link_is_refused) {
  std::filesystem::create_symlink(target_.path(), from(".twsync"));
  EXPECT_FALSE(side().claim({{"pair", Side::code, 1}, "me", {}}).ok());
  EXPECT_FALSE(side().claim({{"../pair", Side::code, 1}, "me", {}}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(target_.path()));
}

TEST_F(SideTest, markers_go_round_and_damage_is_seen) {
  const Marker marker{"pair-1", Side::deploy, 42};
  const auto back = parse_marker(format_marker(marker));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->pair_id, "pair-1");
  EXPECT_EQ(back->role, Side::deploy);
  EXPECT_EQ(back->epoch, 42U);
  const std::string text = format_marker(marker);
  for (size_t cut = 0; cut < text.size(); ++cut) EXPECT_FALSE(parse_marker(text.substr(0, cut))) << cut;
  EXPECT_FALSE(parse_marker("schema=2\npair_id=p\nrole=code\nepoch=1\n"));
}

// Made and walked by relative calls, since no system call takes such a path.
TEST_F(SideTest, paths_longer_than_the_kernel_takes_work_on_both_sides) {
  const std::string name(200, 'd');
  std::string deep;
  UniqueFd at(::open(source_.path().c_str(), O_PATH | O_DIRECTORY));
  std::vector<Operation> operations;
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = UniqueFd(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY));
    deep = join_path(deep, name);
    Operation op;
    op.kind = OpKind::make_directory;
    op.path = deep;
    op.desired.kind = Kind::directory;
    op.desired.mode = 0755;
    operations.push_back(op);
  }
  {
    const UniqueFd fd(::openat(at.get(), "file", O_WRONLY | O_CREAT, 0644));
    ASSERT_EQ(::write(fd.get(), "deep", 4), 4);
  }
  EXPECT_GT(deep.size(), 6000U);
  EXPECT_EQ(list().entries.back().path, deep + "/file");
  for (const OpResult& result : apply(operations, true)) ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  const OpResult result = apply_one(put(deep + "/file"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(at_target(deep + "/file").digest, at_source(deep + "/file").digest);
}

TEST_F(SideTest, a_path_that_is_too_long_is_left_out_and_told_for_its_directory) {
  const std::string name(250, 'd');
  std::string deep;
  UniqueFd at(::open(source_.path().c_str(), O_PATH | O_DIRECTORY));
  for (int i = 0; i < 270; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = UniqueFd(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY));
    deep = join_path(deep, name);
  }
  old_file(from("z"), "after it");
  const Listed listed = list();
  EXPECT_EQ(listed.entries.back().path, "z");
  for (const PathEntry& item : listed.entries) ASSERT_LE(item.path.size(), kMaxPath);
  ASSERT_EQ(listed.end.unreadable.size(), 1U);
  EXPECT_EQ(listed.end.unreadable[0].path, listed.entries[listed.entries.size() - 2].path);
  EXPECT_NE(listed.end.unreadable[0].message.find("65536 bytes"), std::string::npos);
}

TEST_F(SideTest, walking_without_openat2_finds_and_refuses_the_same) {
  std::filesystem::create_directories(from("d/e"));
  std::filesystem::create_symlink("d", from("l"));
  auto walk = RootDir::open(source_.path(), ResolveMode::walk);
  ASSERT_TRUE(walk);
  EXPECT_TRUE((*walk)->open_dir("d/e", O_RDONLY));
  EXPECT_TRUE((*walk)->open_dir("", O_RDONLY));
  for (const char* bad : {"l", "l/e", "d/none"}) EXPECT_FALSE((*walk)->open_dir(bad, O_PATH)) << bad;
  if (::geteuid() == 0) {
    ASSERT_EQ(::mount("tmpfs", from("d/e").c_str(), "tmpfs", 0, "size=1m"), 0);
    const auto entered = (*walk)->open_dir("d/e", O_PATH);
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().sys_errno, EXDEV);
    EXPECT_EQ(::umount2(from("d/e").c_str(), MNT_DETACH), 0);
  }
}

TEST_F(SideTest, holes_stay_holes) {
  {
    const UniqueFd fd(::open(from("sparse").c_str(), O_RDWR | O_CREAT, 0644));
    ASSERT_EQ(::pwrite(fd.get(), "start", 5, 0), 5);
    ASSERT_EQ(::pwrite(fd.get(), "middle", 6, 300 << 20), 6);
    ASSERT_EQ(::ftruncate(fd.get(), off_t{1} << 30), 0);
  }
  const OpResult result = apply_one(put("sparse"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  struct stat st;
  ASSERT_EQ(::lstat(to("sparse").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, off_t{1} << 30);
  EXPECT_LT(st.st_blocks * 512, 1 << 20);
  EXPECT_EQ(at_target("sparse").digest, at_source("sparse").digest);
}

TEST_F(SideTest, large_and_incompressible_files_arrive) {
  std::string noise(5U << 20U, '\0');
  random_bytes(noise.data(), noise.size());
  old_file(from("noise"), noise);
  old_file(from("zeros"), std::string(3U << 20U, '\0'));
  old_file(from("empty"), "");
  for (const OpResult& result : apply({put("empty"), put("noise"), put("zeros")})) {
    EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  }
  EXPECT_EQ(read_file(to("noise")), noise);
  EXPECT_EQ(at_target("zeros").digest, at_source("zeros").digest);
  EXPECT_EQ(read_file(to("empty")), "");
}

class BusySource : public SideTest {
 protected:
  /// Sends "busy", of some blocks, and "quiet"; `change` is called whenever a block has left.
  const std::vector<OpResult>& send(const std::function<void(std::fstream&)>& change) {
    old_file(from("quiet"), "quiet");
    std::string noise(2U << 20U, '\0');
    random_bytes(noise.data(), noise.size());
    write_file(from("busy"), noise);
    const Batch work = batch({put("busy"), put("quiet")});
    EXPECT_TRUE(applier().begin(work).ok());
    std::fstream file(from("busy"), std::ios::in | std::ios::out);
    EXPECT_TRUE(sender().send(work, [&](std::string block) {
      ++blocks_;
      change(file);
      return applier().content(std::move(block));
    }));
    EXPECT_TRUE(applier().end().ok());
    EXPECT_TRUE(applier().drain().ok());
    return results_.at(0).results;
  }
  int blocks_ = 0;
};

TEST_F(BusySource, a_file_that_keeps_changing_is_put_off_and_the_rest_arrives) {
  const auto& results = send([](std::fstream& file) {
    file.seekp(0, std::ios::end) << "more" << std::flush;
    file.seekp(1'000'000) << std::random_device{}() << std::flush;
  });
  EXPECT_GE(blocks_, 24);  // several tries
  EXPECT_EQ(results[0].code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("busy")));
  EXPECT_EQ(results[1].code, ErrorCode::ok);
}

TEST_F(BusySource, a_log_that_never_rests_arrives_as_it_was_at_some_moment) {
  const auto& results = send([](std::fstream& file) { file.seekp(0, std::ios::end) << "more" << std::flush; });
  EXPECT_EQ(results[0].code, ErrorCode::ok) << results[0].message;
  const std::string whole = read_file(from("busy"));
  const std::string came = read_file(to("busy"));
  EXPECT_EQ(came, whole.substr(0, came.size()));
  EXPECT_EQ(results[0].source.size, came.size());
  EXPECT_NE(results[0].source.stamp.mtime_ns, at_source("busy").stamp.mtime_ns);
  EXPECT_EQ(results[1].code, ErrorCode::ok);
}

TEST_F(SideTest, an_edit_after_the_scan_is_sent_as_it_is_now) {
  old_file(from("a"), "as scanned");
  const Operation op = put("a");
  old_file(from("a"), "as it is now");
  set_mtime(from("a"), kOldTime + kSecond);
  const OpResult result = apply_one(op);
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("a")), "as it is now");
  EXPECT_EQ(mtime_of(to("a")), kOldTime + kSecond);
  EXPECT_EQ(result.source.mtime_ns, kOldTime + kSecond);
}

TEST_F(SideTest, an_unreadable_source_is_denied_and_the_rest_goes_on) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  old_file(from("a"), "a");
  old_file(from("b"), "b");
  ::chmod(from("a").c_str(), 0600);
  ::chmod(source_.path().c_str(), 0755);
  ::chmod(target_.path().c_str(), 0777);
  EXPECT_EQ(as_nobody([&] {
              Operation a;
              a.kind = OpKind::put_file;
              a.path = "a";
              a.desired.kind = Kind::file;
              a.desired.mode = 0644;
              Operation b = a;
              b.path = "b";
              const auto results = apply({a, b});
              if (results[0].code != ErrorCode::denied) return 1;
              if (results[1].code != ErrorCode::ok) return 2;
              return read_file(to("b")) == "b" ? 0 : 3;
            }),
            0);
}

TEST_F(SideTest, extended_attributes_travel_when_asked) {
  source_options_.preserve_xattrs = target_options_.preserve_xattrs = true;
  old_file(from("a"), "a");
  if (::system(("setfattr -n user.note -v hello '" + from("a") + "' 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "no setfattr";
  const OpResult result = apply_one(put("a"));
  EXPECT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_FALSE(result.target.xattrs.empty());
  EXPECT_TRUE(result.target.xattrs == at_source("a").xattrs);
}

TEST_F(SideTest, small_files_are_read_whole_and_large_ones_refused) {
  old_file(from(".twsyncignore"), "*.o\n");
  EXPECT_EQ(*side().read_small(".twsyncignore"), "*.o\n");
  EXPECT_EQ(side().read_small("none").error().code, ErrorCode::not_found);
  old_file(from("big"), std::string((1U << 20U) + 1, 'x'));
  EXPECT_EQ(side().read_small("big").error().code, ErrorCode::unsupported);
  EXPECT_EQ(side().read_small("../x").error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace twsync
