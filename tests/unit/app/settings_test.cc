#include "common/app/settings.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

TEST(Settings, good_values) {
  Settings s;
  EXPECT_TRUE(apply_setting(s, "CODE_SERVER", "code-1.example.org").ok());
  EXPECT_TRUE(apply_setting(s, "DEPLOY_SERVER", "fe80::1").ok());
  EXPECT_TRUE(apply_setting(s, "CODE_PATH", "/srv/a b").ok());
  EXPECT_TRUE(apply_setting(s, "SSH_USER", "").ok());
  EXPECT_TRUE(apply_setting(s, "SSH_PORT", "2222").ok());
  EXPECT_TRUE(apply_setting(s, "CONFLICT_RESOLUTION", "manual").ok());
  EXPECT_TRUE(apply_setting(s, "EXCLUDE", "*.log  build/\nwith\\ space").ok());
  EXPECT_TRUE(apply_setting(s, "BANDWIDTH_LIMIT", "2M").ok());
  EXPECT_TRUE(apply_setting(s, "PRESERVE_OWNER", "auto").ok());
  EXPECT_TRUE(apply_setting(s, "DELETE_LIMIT_COUNT", "0").ok());
  EXPECT_TRUE(apply_setting(s, "LOG_LEVEL", "debug").ok());
  EXPECT_TRUE(apply_setting(s, "WATCH", "fanotify").ok());

  EXPECT_TRUE(apply_setting(s, "TOGETHER", "web/build a/ with\\ space").ok());

  EXPECT_EQ(s.ssh_port, 2222);
  EXPECT_EQ(s.together, (std::vector<std::string>{"a", "web/build", "with space"}));
  EXPECT_TRUE(Settings{}.together.empty());
  EXPECT_EQ(s.watch, WatchSource::fanotify);
  EXPECT_EQ(Settings{}.watch, WatchSource::automatic);
  EXPECT_EQ(s.conflict_resolution, ConflictPolicy::manual);
  EXPECT_EQ(s.bandwidth_limit, 2u << 20u);
  EXPECT_EQ(s.exclude, (std::vector<std::string>{"*.log", "build/", "with\\ space"}));
}

TEST(Settings, bad_values_name_the_setting_and_what_is_allowed) {
  const std::pair<const char*, const char*> bad[] = {{"CODE_SERVER", "-oProxyCommand=x"},
                                                     {"DEPLOY_SERVER", "a;b"},
                                                     {"DEPLOY_SERVER", ""},
                                                     {"CODE_PATH", "relative"},
                                                     {"CODE_PATH", ""},
                                                     {"SSH_USER", "-l"},
                                                     {"SSH_USER", "a b"},
                                                     {"SSH_PORT", "0"},
                                                     {"SSH_PORT", "65536"},
                                                     {"SSH_PORT", "22x"},
                                                     {"SSH_PORT", ""},
                                                     {"CONFLICT_RESOLUTION", "latest"},
                                                     {"DELETE_LIMIT_PERCENT", "101"},
                                                     {"VERSIONS_KEEP_BYTES", "1Q"},
                                                     {"VERSIONS_KEEP_BYTES", "99999999999999T"},
                                                     {"PRESERVE_XATTRS", "true"},
                                                     {"PRESERVE_SETUID", "1"},
                                                     {"GIT", "sync"},
                                                     {"TOGETHER", "/absolute"},
                                                     {"TOGETHER", "."},
                                                     {"TOGETHER", "/"},
                                                     {"TOGETHER", "a/../b"},
                                                     {"TOGETHER", "a//b"},
                                                     {"TOGETHER", "a a/b"},
                                                     {"TOGETHER", "a b a"},
                                                     {"TRANSFER_WORKERS", "0"},
                                                     {"WATCH", "poll"},
                                                     {"LOG_LEVEL", "loud"}};
  for (const auto& [name, value] : bad) {
    Settings s;
    auto status = apply_setting(s, name, value);
    ASSERT_FALSE(status.ok()) << name << "=" << value;
    EXPECT_EQ(status.error().code, ErrorCode::usage);
    EXPECT_EQ(status.error().message.find(name), 0u) << status.error().message;
  }
}

TEST(Settings, unknown_name_suggests_the_nearest) {
  Settings s;
  auto status = apply_setting(s, "CONFLICT_RESOLUTON", "newer");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("did you mean CONFLICT_RESOLUTION?"), std::string::npos)
      << status.error().message;
  EXPECT_NE(apply_setting(s, "ZZZ", "x").error().message.find("known are"), std::string::npos);
}

TEST(Settings, nearest_word) {
  EXPECT_EQ(nearest("snyc", {"sync", "status"}), "sync");
  EXPECT_EQ(nearest("qqqqqqq", {"sync", "status"}), "");
}

}  // namespace
}  // namespace twsync
