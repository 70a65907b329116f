#include "producers/cli/forced_words.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

TEST(ForcedCommand, publish_and_status_only) {
  auto publish = parse_forced_command("publish --source git-hook --path a%20b%25");
  ASSERT_TRUE(publish.ok());
  const auto* command = std::get_if<PublishCommand>(&*publish);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->paths, std::vector<std::string>{"a b%"});
  EXPECT_EQ(command->side, Side::deploy);
  EXPECT_TRUE(parse_forced_command("status --json").ok());

  for (const char* bad : {"", "sync", "sync /a /b", "publish --config /x", "status --state-dir /x", "status --watch",
                          "publish; id", "--help", "publish --path %zz", "publish --path %0", "publish --path %00",
                          "forget main", "keys show", " publish"}) {
    auto parsed = parse_forced_command(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::denied) << bad;
  }
}

}  // namespace
}  // namespace twsync
