#include "producers/cli/forced_words.h"

#include <gtest/gtest.h>

#include "common/wire/way_back_messages.h"

namespace twsync {
namespace {

constexpr const char* kRoot = "/srv/app";

Result<ForcedRequest> parse(std::string_view text) {
  return parse_forced_command(text, "main", kRoot, ForcedRights::user);
}

template <class C>
C parsed(std::string_view text) {
  auto request = parse(text);
  EXPECT_TRUE(request.ok()) << text << ": " << describe(request.error());
  const C* command = request.ok() ? std::get_if<C>(&request->line.command) : nullptr;
  EXPECT_NE(command, nullptr) << text;
  return command != nullptr ? *command : C{};
}

TEST(ForcedCommand, publish_is_of_the_deploy_side) {
  const auto command = parsed<PublishCommand>("publish --source git-hook --path a%20b%25 --path=/srv/app/x");
  EXPECT_EQ(command.paths, (std::vector<std::string>{"a b%", "x"}));
  EXPECT_EQ(command.side, Side::deploy);
  EXPECT_EQ(command.pair, "main");
}

TEST(ForcedCommand, sync_has_its_own_options) {
  const auto command = parsed<SyncCommand>(
      "sync --to-code --dry-run --no-wait --json --from-cron --path a --path . main --policy manual");
  EXPECT_EQ(command.where, std::vector<std::string>{"main"});
  EXPECT_EQ(command.direction, Direction::to_code);
  EXPECT_TRUE(command.dry_run && command.no_wait && command.json && command.from_cron);
  EXPECT_EQ(command.paths, (std::vector<std::string>{"a", "."}));
  auto request = parse("sync --policy manual --exclude=%2a.o");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->line.overrides.policy, ConflictPolicy::manual);
  EXPECT_EQ(request->line.overrides.exclude, std::vector<std::string>{"*.o"});
}

TEST(ForcedCommand, the_pair_is_the_keys_own) {
  EXPECT_EQ(parsed<StatusCommand>("status --json").pair, "main");
  EXPECT_EQ(parsed<StatusCommand>("status main").pair, "main");
  EXPECT_EQ(parsed<SyncCommand>("sync").where, std::vector<std::string>{"main"});
  for (const char* other : {"status web", "sync web", "publish --pair web", "publish --pair=main2"}) {
    auto request = parse(other);
    ASSERT_FALSE(request.ok()) << other;
    EXPECT_EQ(request.error().code, ErrorCode::denied) << other;
  }
}

TEST(ForcedCommand, members_publish_and_ask_and_nothing_else) {
  const auto of_members = [](std::string_view text) {
    return parse_forced_command(text, "main", kRoot, ForcedRights::members);
  };
  EXPECT_TRUE(of_members("publish --source=git-hook --path=x").ok());
  EXPECT_TRUE(of_members("twsync-1 status --json").ok());
  for (const char* bad : {"sync", "twsync-1 sync", "sync --dry-run", "sync --policy deploy-server", "status --watch",
                          "publish --pair web", "conflicts", "forget main", ""}) {
    const auto request = of_members(bad);
    ASSERT_FALSE(request.ok()) << bad;
    EXPECT_EQ(request.error().code, ErrorCode::denied) << bad;
  }
}

TEST(ForcedCommand, everything_else_is_denied) {
  for (const char* bad : {"",
                          " ",
                          "sync /a /b",
                          "sync main /b",
                          "publish --config /x",
                          "status --state-dir /x",
                          "status --watch",
                          "sync --ssh-key /x",
                          "sync --known-hosts /x",
                          "sync --ssh-port 1",
                          "sync --config=/x",
                          "publish --policy newer",
                          "status --exclude x",
                          "publish; id",
                          "--help",
                          "sync --help",
                          "--version",
                          "publish --path %zz",
                          "publish --path %0",
                          "publish --path %00",
                          "forget main",
                          "keys show",
                          " publish",
                          "publish  ",
                          "serve-forced main",
                          "hooks install /x",
                          "doctor",
                          "conflicts",
                          "restore x",
                          "approve 1",
                          "sh -c id",
                          "twsync-1",
                          "twsync-1 ",
                          "twsync-2 status",
                          "twsync-1 twsync-1 status",
                          "twsync-1 conflicts"}) {
    auto request = parse(bad);
    ASSERT_FALSE(request.ok()) << bad;
    EXPECT_EQ(request.error().code, ErrorCode::denied) << bad;
  }
}

TEST(ForcedCommand, no_path_leaves_the_pair) {
  for (const char* bad :
       {"sync --path ../x", "sync --path /etc/passwd", "sync --path=/srv/app2", "sync --path=/srv/app/../x",
        "publish --path a/../../x", "publish --path /", "sync --path %2e%2e"}) {
    auto request = parse(bad);
    ASSERT_FALSE(request.ok()) << bad;
    EXPECT_EQ(request.error().code, ErrorCode::usage) << bad;
  }
}

TEST(ForcedCommand, its_size_is_bounded) {
  std::string text = "publish";
  while (text.size() <= kMaxForcedCommand) text += " --path=0123456789";
  EXPECT_EQ(parse(text).error().code, ErrorCode::denied);
  text.resize(text.rfind(' '));
  EXPECT_TRUE(parse(text).ok());
}

TEST(ForcedCommand, words_arrive_as_they_were) {
  SyncCommand sync;
  sync.direction = Direction::to_deploy;
  sync.dry_run = sync.json = true;
  Overrides overrides;
  overrides.policy = ConflictPolicy::deploy_server;
  overrides.exclude = {"*.o", "a b"};
  const std::vector<std::string> paths = {"a b", "-x", "[a,b]", "$(id)", "\xff\n'\"%\\", "c=d", "."};
  auto request = parse(forced_words({kWayBackProtocol}) + " " + forced_words(sync_words(sync, overrides, paths)));
  ASSERT_TRUE(request.ok()) << describe(request.error());
  EXPECT_TRUE(request->framed);
  const auto* command = std::get_if<SyncCommand>(&request->line.command);
  ASSERT_NE(command, nullptr);
  EXPECT_EQ(command->paths, paths);
  EXPECT_EQ(command->direction, Direction::to_deploy);
  EXPECT_TRUE(command->dry_run && command->json && !command->no_wait);
  EXPECT_EQ(request->line.overrides.policy, ConflictPolicy::deploy_server);
  EXPECT_EQ(request->line.overrides.exclude, overrides.exclude);

  PublishCommand publish;
  publish.source = HintSource::git_hook;
  EXPECT_EQ(parsed<PublishCommand>(forced_words(publish_words(publish, paths))).paths, paths);
  for (const char c : forced_words(paths)) EXPECT_TRUE(c > ' ' || c == ' ') << "a byte that a shell could see";
}

}  // namespace
}  // namespace twsync
