// Unclean stops through the whole pipeline: broker, workers and a child agent in this process, real trees, and a host
// whose boot id the test changes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>

#include "common/base/text.h"
#include "common/fs/file_stat.h"
#include "common/fs/version_store.h"
#include "common/store/base_store.h"
#include "common/wire/messages.h"
#include "producers/cli/embedded.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

class TestHost final : public HostFacts {
 public:
  std::string host_name() override { return "here"; }
  std::string boot_id() override { return boot; }
  int64_t booted_ns() override { return booted; }
  MountFacts mount_of(int) override { return {}; }
  std::string boot = "boot-1";
  int64_t booted = 0;
};

class UncleanStop : public testing::Test {
 protected:
  void SetUp() override {
    pair_.name = "p";
    pair_.code_path = dir_ / "code";
    pair_.deploy.local = true;
    pair_.deploy.path = dir_ / "deploy";
    for (const std::string& root : {pair_.code_path, pair_.deploy.path}) std::filesystem::create_directory(root);
    pair_.state_dir = dir_ / "state";
  }

  Summary sync() {
    EmbeddedOptions options;
    options.pair = pair_;
    options.request.id = str("r", ++requests_);
    options.request.pair = pair_.name;
    options.agent_path = TWSYNC_AGENT;
    options.version = TWSYNC_VERSION;
    options.host = &host_;
    std::atomic<bool> stop = false;
    notes_.clear();
    const auto done = run_embedded(
        options, [this](const Event& e) { notes_ += e.kind == EventKind::note ? e.text + "\n" : ""; }, stop);
    EXPECT_TRUE(done.ok());
    return done.ok() ? *done : Summary{};
  }
  void synced() {
    const Summary done = sync();
    EXPECT_TRUE(done.in_sync) << describe(done.error);
  }

  void change_meta(const std::function<void(BaseMeta&)>& change) {
    auto base = BaseStore::open(pair_.state_dir + "/base.db", BaseStore::Mode::read_write);
    ASSERT_TRUE(base.ok());
    BaseMeta meta = *(*base)->meta();
    change(meta);
    ASSERT_TRUE((*base)->set_meta(meta).ok());
  }
  /// Another content under the very fingerprint that was recorded.
  void rot(const std::string& path, const std::string& bytes) {
    write_file(path, bytes);
    FileStat stat;
    ASSERT_EQ(stat_at(AT_FDCWD, path.c_str(), stat), 0);
    auto base = BaseStore::open(pair_.state_dir + "/base.db", BaseStore::Mode::read_write);
    auto row = *(*base)->find(path.substr(pair_.code_path.size() + 1));
    ASSERT_TRUE(row.has_value());
    row->code.stamp = stat.stamp();
    ASSERT_TRUE((*base)->put(*row).ok());
  }
  /// The host went down while a controller worked on the pair, after a flush that covers what was settled by then.
  void power_cut() {
    change_meta([&](BaseMeta& meta) {
      meta.clean_close = false;
      meta.settled_round = settled_;
    });
    host_.boot = str("boot-", ++boots_);
    host_.booted = SystemClock().wall_ns() + kSecond;
  }
  /// From here on whatever changes does so after the boot, also by the clock of files, which moves in ticks.
  void boot_now() {
    host_.booted = SystemClock().wall_ns();
    struct stat probe {};
    do {
      write_file(dir_ / "probe", "x");
      ASSERT_EQ(::stat((dir_ / "probe").c_str(), &probe), 0);
    } while (probe.st_ctim.tv_sec * kSecond + probe.st_ctim.tv_nsec <= host_.booted);
  }
  /// What is synced from now on is not settled when the power is cut.
  void settle() {
    auto base = BaseStore::open(pair_.state_dir + "/base.db", BaseStore::Mode::read_only);
    settled_ = (*base)->meta()->round;
  }
  BaseMeta meta() {
    auto base = BaseStore::open(pair_.state_dir + "/base.db", BaseStore::Mode::read_only);
    return *(*base)->meta();
  }
  size_t kept_suspects() {
    SystemClock clock;
    const std::string versions = str(pair_.code_path, "/.twsync/", meta().pair_id, "/versions");
    const UniqueFd fd(::open(versions.c_str(), O_RDONLY | O_DIRECTORY));
    const auto store = VersionStore::open(fd.get(), clock);
    const auto kept = (*store)->list("");
    return static_cast<size_t>(std::count_if(
        kept->begin(), kept->end(), [](const VersionRecord& record) { return record.cause == LoserCause::suspect; }));
  }
  std::string code(const std::string& path) const { return pair_.code_path + "/" + path; }
  std::string deploy(const std::string& path) const { return pair_.deploy.path + "/" + path; }
  /// Both sides hold it as it was agreed.
  void expect_both(const std::string& path, const std::string& bytes) {
    EXPECT_EQ(read_file(code(path)), bytes) << path;
    EXPECT_EQ(read_file(deploy(path)), bytes) << path;
    EXPECT_EQ(mtime_of(code(path)), mtime_of(deploy(path))) << path;
  }

  TempDir dir_;
  PairConfig pair_;
  TestHost host_;
  std::string notes_;
  uint32_t settled_ = 0;
  int requests_ = 0;
  int boots_ = 1;
};

/// Another content, but the times of before: as a disk may leave it.
void damage(const std::string& path, const std::string& bytes) {
  const int64_t mtime = mtime_of(path);
  write_file(path, bytes);
  set_mtime(path, mtime);
}

TEST_F(UncleanStop, damage_is_repaired_from_the_other_side_and_kept) {
  for (const char* name : {"emptied", "torn", "absent", "whole"}) write_file(code(name), str("good ", name));
  synced();
  power_cut();
  damage(code("emptied"), "");
  damage(code("torn"), "good\n");
  ::unlink(code("absent").c_str());
  const Summary done = sync();
  EXPECT_TRUE(done.in_sync) << describe(done.error);
  EXPECT_EQ(done.conflicts, 2u);
  EXPECT_NE(notes_.find("stopped without closing"), std::string::npos);
  for (const char* name : {"emptied", "torn", "absent", "whole"}) expect_both(name, str("good ", name));
  EXPECT_EQ(kept_suspects(), 2u);
  EXPECT_EQ(sync().operations, 0u);
}

TEST_F(UncleanStop, damage_of_long_settled_files_of_the_same_time_is_repaired) {
  write_file(code("f"), "good f");
  synced();
  settle();
  power_cut();
  damage(code("f"), "evil f");
  synced();
  expect_both("f", "good f");
}

TEST_F(UncleanStop, edits_around_the_stop_are_carried) {
  for (const char* name : {"before", "after", "deleted"}) write_file(code(name), "old");
  synced();
  settle();
  write_file(code("before"), "edited and not yet synced");
  ::unlink(code("deleted").c_str());
  power_cut();
  boot_now();
  damage(code("after"), "new");  // a person's cp -p
  const Summary done = sync();
  EXPECT_TRUE(done.in_sync);
  EXPECT_EQ(done.conflicts, 0u);
  expect_both("before", "edited and not yet synced");
  expect_both("after", "new");
  EXPECT_FALSE(std::filesystem::exists(deploy("deleted")));
}

TEST_F(UncleanStop, without_one_the_same_is_an_ordinary_edit) {
  for (const char* name : {"same-time", "deleted"}) write_file(code(name), "old");
  synced();
  host_.boot = "boot-2";  // closed in order, then started anew
  damage(code("same-time"), "new");
  ::unlink(code("deleted").c_str());
  synced();
  expect_both("same-time", "new");
  EXPECT_FALSE(std::filesystem::exists(deploy("deleted")));
  EXPECT_EQ(notes_, "");
}

TEST_F(UncleanStop, metadata_changed_before_it_are_carried) {
  write_file(code("f"), "f");
  synced();
  settle();
  ::chmod(deploy("f").c_str(), 0640);
  synced();
  EXPECT_EQ(mode_of(code("f")), 0640u);
  power_cut();
  ::chmod(code("f").c_str(), 0604);
  synced();
  EXPECT_EQ(mode_of(deploy("f")), 0604u) << "its ctime is later than the recorded one";
}

TEST_F(UncleanStop, what_a_kill_interrupts_is_taken_up_again) {
  for (const char* name : {"f", "g"}) write_file(code(name), str("good ", name));
  synced();
  power_cut();
  damage(code("f"), "");
  damage(code("g"), "");
  // A controller that noticed the stop and was killed before it repaired anything.
  change_meta([&](BaseMeta& meta) {
    meta.code_recovery.doubt = {true, true, settled_, meta.round, host_.booted};
    meta.code_boot_id = host_.boot;
  });
  synced();
  expect_both("f", "good f");
  expect_both("g", "good g");
}

TEST_F(UncleanStop, trust_comes_back) {
  for (const char* name : {"f", "other"}) write_file(code(name), "old");
  synced();
  power_cut();
  synced();
  EXPECT_FALSE(meta().code_recovery.doubt.fresh);
  EXPECT_TRUE(meta().clean_close);
  ::unlink(code("f").c_str());
  synced();
  EXPECT_FALSE(std::filesystem::exists(deploy("f"))) << "a deletion is a deletion again";
}

TEST_F(UncleanStop, the_audit_finds_what_no_scan_can_see) {
  for (int i = 0; i < 600; ++i) write_file(code(str("f", i)), "good");
  synced();
  settle();
  rot(code("f123"), "evil");
  rot(code("f599"), "evil");
  synced();
  EXPECT_EQ(read_file(code("f123")), "evil") << "only an unclean stop makes anybody look";
  power_cut();
  // A run gives the audit two seconds; on a slow machine the next one goes on.
  synced();
  for (int runs = 0; runs < 20 && meta().code_recovery.doubt.active; ++runs) synced();
  expect_both("f123", "good");
  expect_both("f599", "good");
  EXPECT_EQ(kept_suspects(), 2u);
  EXPECT_NE(notes_.find("600 entries, 2 of them damaged"), std::string::npos) << notes_;
  EXPECT_FALSE(meta().code_recovery.doubt.active);
  EXPECT_TRUE(meta().clean_close);
}

TEST_F(UncleanStop, an_audit_goes_on_where_it_was) {
  for (int i = 0; i < 10; ++i) write_file(code(str("f", i)), "good");
  synced();
  settle();
  rot(code("f3"), "evil");
  rot(code("f7"), "evil");
  power_cut();
  change_meta([&](BaseMeta& meta) {
    meta.code_boot_id = host_.boot;
    meta.code_recovery = {{true, false, settled_, meta.round, host_.booted}, true, "f5", 6, 0};
  });
  synced();
  EXPECT_EQ(read_file(code("f3")), "evil") << "it was looked at before";
  expect_both("f7", "good");
}

TEST_F(UncleanStop, a_dry_run_shows_the_repair_and_forgets_nothing) {
  write_file(code("f"), "good");
  synced();
  power_cut();
  damage(code("f"), "");
  EmbeddedOptions options;
  options.pair = pair_;
  options.request.id = "dry";
  options.request.pair = pair_.name;
  options.request.dry_run = true;
  options.agent_path = TWSYNC_AGENT;
  options.host = &host_;
  std::atomic<bool> stop = false;
  std::string shown;
  const auto dry = run_embedded(
      options,
      [&](const Event& e) {
        if (e.operation) shown += str(to_string(e.operation->side), " ", to_string(e.operation->kind), " ", e.path);
      },
      stop);
  ASSERT_TRUE(dry.ok());
  EXPECT_EQ(shown, "code put-file f");
  EXPECT_EQ(read_file(code("f")), "");
  synced();
  expect_both("f", "good");
}

TEST_F(UncleanStop, a_direction_that_cannot_repair_carries_no_damage) {
  write_file(code("f"), "good");
  synced();
  power_cut();
  damage(code("f"), "");
  EmbeddedOptions options;
  options.pair = pair_;
  options.request.id = "one-way";
  options.request.pair = pair_.name;
  options.request.direction = Direction::to_deploy;
  options.agent_path = TWSYNC_AGENT;
  options.host = &host_;
  std::atomic<bool> stop = false;
  ASSERT_TRUE(run_embedded(
                  options, [](const Event&) {}, stop)
                  .ok());
  EXPECT_EQ(read_file(deploy("f")), "good");
  EXPECT_EQ(read_file(code("f")), "");
  synced();
  expect_both("f", "good");
}

}  // namespace
}  // namespace twsync
