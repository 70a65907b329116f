#include "producers/cli/command_line.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

template <class C>
C parsed(const std::vector<std::string>& args) {
  auto line = parse_command_line(args);
  EXPECT_TRUE(line.ok()) << describe(line.error());
  if (!line.ok()) return {};
  const C* command = std::get_if<C>(&line->command);
  EXPECT_NE(command, nullptr);
  return command != nullptr ? *command : C{};
}

std::string message(const std::vector<std::string>& args) {
  auto line = parse_command_line(args);
  EXPECT_FALSE(line.ok());
  if (line.ok()) return {};
  EXPECT_EQ(line.error().code, ErrorCode::usage);
  return line.error().message;
}

TEST(CommandLine, sync_forms) {
  EXPECT_TRUE(parsed<SyncCommand>({"sync"}).where.empty());
  EXPECT_EQ(parsed<SyncCommand>({"sync", "web"}).where, (std::vector<std::string>{"web"}));
  const auto full = parsed<SyncCommand>(
      {"sync", "--to-deploy", "/a", "me@h:/b", "--dry-run", "--json", "--path", "x", "--path", "y z"});
  EXPECT_EQ(full.where, (std::vector<std::string>{"/a", "me@h:/b"}));
  EXPECT_EQ(full.direction, Direction::to_deploy);
  EXPECT_TRUE(full.dry_run && full.json);
  EXPECT_EQ(full.paths, (std::vector<std::string>{"x", "y z"}));
  EXPECT_EQ(parsed<SyncCommand>({"sync", "--to-code"}).direction, Direction::to_code);
  EXPECT_EQ(parsed<SyncCommand>({"sync", "--path", "x", "web"}).where, (std::vector<std::string>{"web"}));
}

TEST(CommandLine, common_options_stand_before_or_after_the_command) {
  for (const auto& args : {std::vector<std::string>{"--policy", "manual", "--state-dir", "/s", "--exclude", "*.o",
                                                    "--exclude=-x", "--ssh-port", "23", "sync"},
                           std::vector<std::string>{"sync", "--policy", "manual", "--state-dir", "/s", "--exclude",
                                                    "*.o", "--exclude=-x", "--ssh-port", "23"}}) {
    auto line = parse_command_line(args);
    ASSERT_TRUE(line.ok()) << describe(line.error());
    EXPECT_EQ(line->overrides.policy, ConflictPolicy::manual);
    EXPECT_EQ(line->overrides.state_dir, "/s");
    EXPECT_EQ(line->overrides.exclude, (std::vector<std::string>{"*.o", "-x"}));
    EXPECT_EQ(line->overrides.ssh_port, 23);
  }
}

TEST(CommandLine, the_other_commands) {
  EXPECT_TRUE(parsed<StatusCommand>({"status", "web", "--watch"}).watch);
  EXPECT_EQ(parsed<ConflictsCommand>({"conflicts", "web", "--json"}).pair, "web");
  EXPECT_EQ(parsed<DecideCommand>({"resolve", "c1", "--take", "both"}).take, "both");
  EXPECT_EQ(parsed<DecideCommand>({"approve", "p1"}).verb, "approve");
  EXPECT_EQ(parsed<DecideCommand>({"reject", "p1"}).verb, "reject");
  EXPECT_EQ(parsed<HistoryCommand>({"history", "a/b"}).path, "a/b");
  EXPECT_EQ(parsed<RestoreCommand>({"restore", "a", "--version", "v1", "--to", "/t"}).to, "/t");
  EXPECT_EQ(parsed<PublishCommand>({"publish", "--source", "git-hook", "--path", "/x"}).source, HintSource::git_hook);
  EXPECT_EQ(parsed<KeysCommand>({"keys", "exchange", "--accept-fingerprint", "SHA256:x"}).accept_fingerprint,
            "SHA256:x");
  EXPECT_EQ(parsed<KeysCommand>({"keys", "rotate", "web"}).pair, "web");
  EXPECT_EQ(parsed<HooksCommand>({"hooks", "uninstall", "/r"}).verb, "uninstall");
  EXPECT_EQ(parsed<DoctorCommand>({"doctor"}).pair, "");
  EXPECT_EQ(parsed<ForgetCommand>({"forget", "web"}).pair, "web");
}

TEST(CommandLine, mistyped_words_get_the_nearest) {
  EXPECT_NE(message({"snyc"}).find("did you mean 'sync'?"), std::string::npos);
  EXPECT_NE(message({"sync", "--dryrun"}).find("did you mean '--dry-run'?"), std::string::npos);
  EXPECT_NE(message({"sync", "--polcy=newer"}).find("did you mean '--policy'?"), std::string::npos);
  EXPECT_NE(message({"keys", "exchnage"}).find("did you mean 'exchange'?"), std::string::npos);
  EXPECT_NE(message({"--state-dir", "snyc", "stauts"}).find("did you mean 'status'?"), std::string::npos);
  EXPECT_NE(message({"status", "--state-dir", "x", "--jsno"}).find("did you mean '--json'?"), std::string::npos);
  EXPECT_NE(message({"qqqqqq"}).find("--help"), std::string::npos);
}

TEST(CommandLine, refused) {
  message({});
  message({"sync", "a", "b", "c"});
  message({"sync", "--to-deploy", "--to-code"});
  message({"sync", "--json", "--quiet"});
  message({"sync", "--policy", "latest"});
  message({"sync", "--ssh-port", "0"});
  message({"sync", "--ssh-port", "x"});
  message({"sync", "--exclude"});
  message({"resolve", "c1"});
  message({"resolve", "c1", "--take", "mine"});
  message({"forget"});
  message({"history"});
  message({"keys"});
  message({"publish", "--source", "inotify"});
}

TEST(CommandLine, what_is_missing_is_told_with_what_may_stand_there) {
  EXPECT_NE(message({"resolve", "c1"}).find("--take code, deploy or both"), std::string::npos);
  EXPECT_NE(message({"keys"}).find("exchange, show or rotate"), std::string::npos);
}

TEST(CommandLine, help_says_how_to_type_it) {
  const auto help = [](std::vector<std::string> words) {
    words.push_back("--help");
    return parsed<TextCommand>(words).text;
  };
  EXPECT_NE(help({"sync"}).find("Usage: twsync sync [OPTIONS] [PAIR | DIR TARGET]\n"), std::string::npos)
      << help({"sync"});
  EXPECT_NE(help({"keys", "exchange"}).find("Usage: twsync keys exchange [OPTIONS] [PAIR]\n"), std::string::npos)
      << help({"keys", "exchange"});
  EXPECT_NE(help({"keys"}).find("Usage: twsync keys "), std::string::npos);
  EXPECT_NE(help({"status"}).find("--ssh-port N "), std::string::npos) << help({"status"});
  for (const char* leak : {"INT in", "TEXT", "REQUIRED", "Excludes", "(0x)"})
    EXPECT_EQ((help({}) + help({"sync"}) + help({"resolve"})).find(leak), std::string::npos) << leak;
}

TEST(CommandLine, help_and_version) {
  EXPECT_NE(parsed<TextCommand>({"--help"}).text.find("sync"), std::string::npos);
  EXPECT_NE(parsed<TextCommand>({"sync", "--help"}).text.find("--to-deploy"), std::string::npos);
  const std::string version = parsed<TextCommand>({"--version"}).text;
  EXPECT_TRUE(version.starts_with("twsync " TWSYNC_VERSION "\n")) << version;
  for (const char* library :
       {"libzmq 4.", "libssh 0.", "SQLite 3.", "zstd 1.", "xxHash 0.", "msgpack ", "spdlog ", "CLI11 "})
    EXPECT_NE(version.find(library), std::string::npos) << library;
}

}  // namespace
}  // namespace twsync
