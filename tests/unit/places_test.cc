// What of the protected places a configuration needs opened, and that nothing of it stays closed.
#include "workers/places/places.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace twsync {
namespace {

constexpr Places kNowhere{};
constexpr Places kSystem{true, false, false};
constexpr Places kHome{false, true, false};
constexpr Places kTmp{false, false, true};

struct Made {
  Made() {
    std::string pattern = "/var/twsync-places-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return;
    path = pattern;
  }
  ~Made() {
    if (path.empty()) return;
    ::unlink((path + "/link").c_str());
    ::unlink((path + "/second").c_str());
    ::rmdir(path.c_str());
  }
  std::string path;
};

Config with(const std::string& code_path, const std::string& key) {
  Config config;
  config.state_dir = "/var/lib/twsync";
  config.log_dir = "/opt/sutazaiapp/logs";
  config.runtime_dir = "/run/twsync";
  config.key_dir = "/var/lib/twsync/keys";
  config.known_hosts = "/var/lib/twsync/keys/known_hosts";
  PairConfig pair;
  pair.code_path = code_path;
  pair.known_hosts = config.known_hosts;
  pair.state_dir = "/var/lib/twsync/pairs/main";
  pair.ssh_key = key;
  config.pairs.push_back(pair);
  return config;
}

TEST(Places, WhereAPathLies) {
  EXPECT_EQ(places_of("/srv/tree"), kNowhere);
  EXPECT_EQ(places_of("/homely"), kNowhere);
  EXPECT_EQ(places_of("/home/x/tree"), kHome);
  EXPECT_EQ(places_of("/root"), kHome);
  EXPECT_EQ(places_of("/run/user/0/x"), kHome);
  EXPECT_EQ(places_of("/etc/app"), kSystem);
  EXPECT_EQ(places_of("/usr/local/app"), kSystem);
  EXPECT_EQ(places_of("/tmp/x"), kTmp);
  EXPECT_EQ(places_of("/var/tmp/x"), kTmp);
  EXPECT_EQ(places_of("/srv/../home/x"), kHome);
}

TEST(Places, ARootThatHoldsOneNeedsIt) {
  EXPECT_EQ(places_of("/"), kEverywhere);
  EXPECT_EQ(places_of("/var"), kTmp);
}

TEST(Places, EverySymlinkOnTheWayCounts) {
  const Made made;
  if (made.path.empty()) GTEST_SKIP() << "nobody may write in /var";
  ASSERT_EQ(::symlink("/home/nobody-of-that-name", (made.path + "/link").c_str()), 0);
  EXPECT_EQ(places_of(made.path + "/link/tree"), kHome);
  ASSERT_EQ(::symlink("link/../../etc", (made.path + "/second").c_str()), 0);
  EXPECT_TRUE(places_of(made.path + "/second").home);
  ASSERT_EQ(::unlink((made.path + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("second", (made.path + "/link").c_str()), 0);
  ASSERT_EQ(::unlink((made.path + "/second").c_str()), 0);
  ASSERT_EQ(::symlink("link", (made.path + "/second").c_str()), 0);
  EXPECT_EQ(places_of(made.path + "/link"), kEverywhere) << "a loop";
}

TEST(Places, RootsKeysAndStateOfAConfiguration) {
  const std::string key = "/proc/self/exe";  // it exists
  Config config = with("/home/someone/tree", key);
  EXPECT_TRUE(places_of(config).home);
  config = with("/tmp/tree", key);
  EXPECT_TRUE(places_of(config).tmp);
  config = with("/srv/tree", key);
  config.known_hosts = "/etc/ssh/known_hosts";
  EXPECT_TRUE(places_of(config).system);
  config = with("/srv/tree", key);
  config.pairs[0].deploy.local = true;
  config.pairs[0].deploy.path = "/usr/share/there";
  EXPECT_TRUE(places_of(config).system);
}

// The default keys of root may be made at any time.
TEST(Places, AKeyThatIsNotThereYetLeavesTheHomesOpen) {
  ::setenv("HOME", "/root", 1);
  EXPECT_TRUE(places_of(with("/srv/tree", "")).home);
  EXPECT_TRUE(places_of(with("/srv/tree", "/var/lib/twsync/keys/none")).home);
}

TEST(Places, TheDropInOpensJustThat) {
  EXPECT_EQ(lifting_drop_in(kNowhere), "");
  const std::string home = lifting_drop_in(kHome);
  EXPECT_NE(home.find("[Service]\nProtectHome=no\n"), std::string::npos);
  EXPECT_EQ(home.find("ProtectSystem"), std::string::npos);
  EXPECT_EQ(home.find("PrivateTmp"), std::string::npos);
  const std::string all = lifting_drop_in(kEverywhere);
  for (const char* row : {"\nProtectSystem=no\n", "\nProtectHome=no\n", "\nPrivateTmp=no\n"})
    EXPECT_NE(all.find(row), std::string::npos) << row;
}

}  // namespace
}  // namespace twsync
