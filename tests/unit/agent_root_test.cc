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

TEST_F(AgreedRoot, WhatIsTwsyncsOwnInAHomeBelowIt) {
  const std::string parent = home_.substr(0, home_.rfind('/')), name = home_.substr(home_.rfind('/') + 1);
  EXPECT_EQ(own_paths(home_, home_), (std::vector<std::string>{".local/share/twsync", ".local/state/twsync"}));
  EXPECT_EQ(own_paths(parent, home_),
            (std::vector<std::string>{name + "/.local/share/twsync", name + "/.local/state/twsync"}));
  EXPECT_EQ(own_paths("/", home_).size(), 2U);
  EXPECT_EQ(own_paths(home_ + "/.local/state", home_), std::vector<std::string>{"twsync"});
  EXPECT_TRUE(own_paths(home_ + "/srv/app", home_).empty());
  EXPECT_TRUE(own_paths(home_.substr(0, home_.size() - 1), home_).empty());
  EXPECT_TRUE(own_paths("/", home_ + "/missing").empty());
}

}  // namespace
}  // namespace twsync
