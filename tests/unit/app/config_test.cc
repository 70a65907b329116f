#include "common/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tuple>

#include "common/app/installation.h"
#include "temp_dir.h"

namespace twsync {
namespace {

using testing::Contains;
using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  Result<Config> load(const std::string& text) {
    Overrides overrides = overrides_;
    overrides.config = dir_.write("config/sync_config.sh", text);
    overrides.state_dir = dir_ / "state";
    return load_config(overrides);
  }
  std::string message(const std::string& text) {
    auto config = load(text);
    return config ? "no error" : config.error().message;
  }

  TempDir dir_;
  Overrides overrides_;
};

TEST_F(ConfigTest, defaults) {
  auto config = load("");
  ASSERT_TRUE(config.ok()) << describe(config.error());
  const PairConfig* pair = config->find(kMainPair);
  ASSERT_NE(pair, nullptr);
  EXPECT_EQ(pair->code_path, "/opt/sutazaiapp");
  EXPECT_EQ(pair->deploy.host, "192.168.100.100");
  EXPECT_EQ(pair->policy, ConflictPolicy::newer);
  EXPECT_EQ(pair->delete_limits.percent, 50u);
  EXPECT_EQ(pair->delete_limits.count, 10'000u);
  EXPECT_EQ(pair->versions_keep_days, 30u);
  EXPECT_THAT(pair->exclude, Contains(".git"));
  EXPECT_EQ(pair->state_dir, dir_ / "state/pairs/main");
  EXPECT_EQ(config->runtime_dir, dir_ / "state/run");
}

TEST_F(ConfigTest, options_override_names) {
  overrides_.policy = ConflictPolicy::deploy_server;
  overrides_.ssh_port = 2022;
  overrides_.exclude = {"*.o"};
  auto config = load("CONFLICT_RESOLUTION=manual\nSSH_PORT=23\nEXCLUDE='*.tmp'\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->pairs[0].policy, ConflictPolicy::deploy_server);
  EXPECT_EQ(config->pairs[0].deploy.port, 2022);
  EXPECT_THAT(config->pairs[0].exclude, Contains("*.o"));
  EXPECT_THAT(config->pairs[0].exclude, Contains("*.tmp"));
}

TEST_F(ConfigTest, errors_name_file_and_line) {
  EXPECT_THAT(message("A=1\n"), HasSubstr("sync_config.sh:1: unknown name A"));
  EXPECT_THAT(message("\nSSH_PORT=x\n"),
              HasSubstr("sync_config.sh:2: SSH_PORT='x' is not allowed: a number from 1 to 65535"));
  EXPECT_THAT(message("CODE_PATH=$HOME\n"), HasSubstr("sync_config.sh:1: "));
}

TEST_F(ConfigTest, pairs_d_begins_with_the_main_values) {
  dir_.write("config/pairs.d/web.sh", "CODE_PATH=/srv/web\n");
  dir_.write("config/pairs.d/README", "no");
  auto config = load("SSH_PORT=23\n");
  ASSERT_TRUE(config.ok()) << describe(config.error());
  ASSERT_EQ(config->pairs.size(), 2u);
  EXPECT_EQ(config->pairs[1].name, "web");
  EXPECT_EQ(config->pairs[1].code_path, "/srv/web");
  EXPECT_EQ(config->pairs[1].deploy.port, 23);
}

TEST_F(ConfigTest, a_slip_in_one_pairs_file_is_that_pairs_matter) {
  dir_.write("config/pairs.d/docs.sh", "CODE_PATH=/srv/docs\n");
  dir_.write("config/pairs.d/web.sh", "\nCONFLICT_RESOLUTION=newerr\n");
  dir_.write("config/pairs.d/-bad.sh", "");
  auto config = load("");
  ASSERT_TRUE(config.ok()) << describe(config.error());
  ASSERT_EQ(config->pairs.size(), 2u);
  EXPECT_NE(config->find("docs"), nullptr);
  ASSERT_EQ(config->misconfigured.size(), 2u);
  EXPECT_EQ(config->misconfigured[0].name, "-bad");
  EXPECT_EQ(config->misconfigured[1].name, "web");
  EXPECT_THAT(config->why_not("web").message, HasSubstr("web.sh:2: CONFLICT_RESOLUTION='newerr' is not allowed"));
  EXPECT_EQ(config->why_not("web").code, ErrorCode::usage);
  EXPECT_THAT(config->why_not("nobody").message, HasSubstr("no pair 'nobody'"));
}

TEST_F(ConfigTest, each_pair_has_the_key_of_its_own_exchange) {
  dir_.write("config/pairs.d/web.sh", "CODE_PATH=/srv/web\n");
  const std::string keys = dir_ / "state/keys";
  dir_.write("state/keys/id_ed25519", "key");
  auto config = load("");
  ASSERT_TRUE(config.ok()) << describe(config.error());
  EXPECT_EQ(config->pairs[0].ssh_key, keys + "/id_ed25519");
  EXPECT_EQ(config->pairs[1].ssh_key, keys + "/id_ed25519") << "an exchange of before, one for all";
  dir_.write("state/keys/web.key", "key");
  config = load("");
  ASSERT_TRUE(config.ok()) << describe(config.error());
  EXPECT_EQ(config->pairs[0].ssh_key, keys + "/id_ed25519");
  EXPECT_EQ(config->pairs[1].ssh_key, keys + "/web.key");
  EXPECT_EQ(made_key(*config, "web"), keys + "/web.key");
}

TEST_F(ConfigTest, writable_by_others_is_refused) {
  dir_.write("config/sync_config.sh", "");
  ASSERT_EQ(::chmod((dir_ / "config/sync_config.sh").c_str(), 0664), 0);
  Overrides overrides;
  overrides.config = dir_ / "config/sync_config.sh";
  overrides.state_dir = dir_ / "state";
  auto config = load_config(overrides);
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().code, ErrorCode::usage);
  EXPECT_THAT(config.error().message, HasSubstr("chmod"));
  overrides.config = dir_ / "absent.sh";
  EXPECT_EQ(load_config(overrides).error().code, ErrorCode::usage);
}

TEST_F(ConfigTest, ad_hoc_name_is_the_same_for_the_same_roots) {
  auto config = load("");
  ASSERT_TRUE(config.ok());
  const std::string a = dir_.make("a");
  dir_.make("b");
  const auto name = [&](const std::string& code, const std::string& target) {
    return ad_hoc_pair(*config, code, target)->name;
  };
  EXPECT_EQ(name(a, "host:/x"), name(a + "/../a/", "host:/x"));
  EXPECT_NE(name(a, "host:/x"), name(a, "host:/y"));
  EXPECT_NE(name(a, "host:/x"), name(a, "ssh://host:23/x"));
  EXPECT_EQ(name(a, "host:/x"), name(a, "ssh://host/x"));
  EXPECT_EQ(name(a, "host:/x").substr(0, 2), "a-");
}

TEST_F(ConfigTest, roots_that_cannot_work_are_refused) {
  auto config = load("");
  ASSERT_TRUE(config.ok());
  const std::string a = dir_.make("a");
  const std::string b = dir_.make("b");
  const std::string inside = dir_.make("a/inside");
  const std::string in_state = dir_.make("state/x");
  const std::string file = dir_.write("file", "x");
  std::filesystem::create_symlink(a, dir_ / "link");
  const auto check = [&](const std::string& code, const std::string& target) {
    auto pair = ad_hoc_pair(*config, code, target);
    if (!pair) return pair.error().code;
    auto status = prepare_pair(*config, *pair);
    return status ? ErrorCode::ok : status.error().code;
  };
  EXPECT_EQ(check(a, b), ErrorCode::ok);
  EXPECT_EQ(check(a, "host:/x"), ErrorCode::ok);
  EXPECT_EQ(check(a, a), ErrorCode::usage);
  EXPECT_EQ(check(a, inside), ErrorCode::usage);
  EXPECT_EQ(check(inside, a), ErrorCode::usage);
  EXPECT_EQ(check(dir_ / "link", inside), ErrorCode::usage);
  EXPECT_EQ(check(dir_ / "absent", b), ErrorCode::usage);
  EXPECT_EQ(check(a, dir_ / "absent"), ErrorCode::usage);
  EXPECT_EQ(check(file, b), ErrorCode::usage);
  EXPECT_EQ(check(in_state, b), ErrorCode::usage);
  EXPECT_EQ(check(a, in_state), ErrorCode::usage);
  EXPECT_EQ(check("/", "host:/x"), ErrorCode::usage);
}

TEST_F(ConfigTest, installation_and_state_below_a_root_are_never_synced) {
  dir_.write("root/app/share/twsync/installed-files", "bin/twsync\n../evil\n/abs\nscripts/two_way_sync.sh\n");
  const auto never = never_synced(dir_ / "root", dir_ / "root/app", dir_ / "root/state",
                                  {dir_ / "root/.ssh/key", "/elsewhere/key", ""});
  EXPECT_EQ(never, (std::vector<std::string>{".ssh/key", "app/bin/twsync", "app/logs", "app/scripts/config",
                                             "app/scripts/two_way_sync.sh", "app/share/twsync", "state"}));
  EXPECT_EQ(never_synced(dir_ / "other", dir_ / "root/app", dir_ / "root/state", {}), std::vector<std::string>{});
}

TEST_F(ConfigTest, the_file_that_is_installed_says_the_defaults) {
  std::ifstream in(TWSYNC_DEFAULT_CONFIG);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  ASSERT_FALSE(text.empty());
  auto shipped = load(text);
  auto builtin = load("SSH_USER=root");
  ASSERT_TRUE(shipped.ok()) << describe(shipped.error());
  const PairConfig& a = shipped->pairs[0];
  const PairConfig& b = builtin->pairs[0];
  EXPECT_EQ(std::tie(a.code_path, a.deploy.host, a.deploy.path, a.deploy.user, a.deploy.port, a.ssh_key, a.exclude),
            std::tie(b.code_path, b.deploy.host, b.deploy.path, b.deploy.user, b.deploy.port, b.ssh_key, b.exclude));
  EXPECT_EQ(std::tie(a.policy, a.delete_limits.percent, a.delete_limits.count, a.versions_keep_days,
                     a.versions_keep_bytes, a.preserve_owner),
            std::tie(b.policy, b.delete_limits.percent, b.delete_limits.count, b.versions_keep_days,
                     b.versions_keep_bytes, b.preserve_owner));
  EXPECT_EQ(std::tie(a.preserve_xattrs, a.preserve_setuid, a.preserve_hardlinks, a.bandwidth_limit, a.transfer_workers,
                     a.stale_minutes),
            std::tie(b.preserve_xattrs, b.preserve_setuid, b.preserve_hardlinks, b.bandwidth_limit, b.transfer_workers,
                     b.stale_minutes));
}

TEST(Installation, absolute_path_and_relative_to) {
  EXPECT_EQ(absolute_path("/a/./b/../c//"), "/a/c");
  EXPECT_EQ(absolute_path("/../.."), "/");
  std::string relative;
  EXPECT_TRUE(relative_to("/a/b", "/a", relative));
  EXPECT_EQ(relative, "b");
  EXPECT_FALSE(relative_to("/ab", "/a", relative));
  EXPECT_TRUE(relative_to("/ab", "/", relative));
  EXPECT_EQ(relative, "ab");
}

TEST(Installation, a_long_state_dir_gets_a_short_runtime_dir) {
  EXPECT_EQ(runtime_dir_for("/s", true), "/s/run");
  EXPECT_LE(runtime_dir_for("/" + std::string(200, 'x'), true).size(), ::geteuid() == 0 ? 80u : 300u);
}

TEST(MakePrivateDirectory, refuses_what_others_can_write) {
  TempDir dir;
  EXPECT_TRUE(make_private_directory(dir / "x/y/z").ok());
  struct stat info {};
  ASSERT_EQ(::stat((dir / "x/y/z").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0700u);
  ASSERT_EQ(::chmod((dir / "x/y/z").c_str(), 0777), 0);
  EXPECT_EQ(make_private_directory(dir / "x/y/z").error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace twsync
