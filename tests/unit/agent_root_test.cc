// Which root a Hello may have (agent.h).
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "workers/agent/agent.h"

namespace twsync {
namespace {

class AgreedRoot : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync_root_XXXXXX";
    home_ = std::filesystem::canonical(::mkdtemp(name));
    std::filesystem::create_directories(home_ + "/srv/app");
    std::filesystem::create_directories(home_ + "/other");
    std::filesystem::create_directory_symlink(home_ + "/srv/app", home_ + "/link");
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  std::string home_;
};

TEST_F(AgreedRoot, IsRelativeToHome) {
  const AgentOptions options{"", home_};
  EXPECT_EQ(*agreed_root("srv/app", options), home_ + "/srv/app");
  EXPECT_EQ(*agreed_root("~/srv/app", options), home_ + "/srv/app");
  EXPECT_EQ(*agreed_root(home_ + "/link", options), home_ + "/srv/app");
}

TEST_F(AgreedRoot, IsTheFixedOneOrNone) {
  const AgentOptions options{home_ + "/srv/app", home_};
  EXPECT_EQ(*agreed_root("", options), home_ + "/srv/app");
  EXPECT_EQ(*agreed_root(home_ + "/srv/../srv/app/", options), home_ + "/srv/app");
  EXPECT_EQ(agreed_root(home_ + "/other", options).error().code, ErrorCode::denied);
  EXPECT_EQ(agreed_root(home_, options).error().code, ErrorCode::denied);
}

TEST_F(AgreedRoot, MustBeThere) {
  const AgentOptions options{"", home_};
  EXPECT_EQ(agreed_root(home_ + "/missing", options).error().code, ErrorCode::not_found);
  EXPECT_EQ(agreed_root("", options).error().code, ErrorCode::usage);
  EXPECT_EQ(agreed_root(std::string("/a\0b", 4), options).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace twsync
