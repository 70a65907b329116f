// Key exchange against a real sshd: first login, repetition, forced commands, both directions, refusals.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "common/base/text.h"
#include "common/ssh/bootstrap.h"
#include "common/ssh/keys.h"
#include "common/ssh/way_back.h"
#include "tests/support/sshd_fixture.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

constexpr const char* kForeign =
    "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB someone twsync:other/pair\n\nno newline at the end";

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

class Keys : public ::testing::Test {
 protected:
  Keys() {
    options.tag = "twsync:test/127.0.0.1";
    options.deploy = sshd.target();
    options.deploy.key_file = local("keys/id_twsync");
    options.deploy.known_hosts = local("keys/known_hosts");
    options.login_key = sshd.dir() + "/client_key";
    options.agent_places.clear();
    options.confirm_host = [this](const HostKey& key) {
      ++asked;
      fingerprint = key.fingerprint;
      return true;
    };
    options.log = [this](const std::string& line) { log += line + "\n"; };
  }
  std::string local(const std::string& name) const { return sshd.dir() + "/local/" + name; }
  std::string authorized() const { return read_file(sshd.authorized_keys()); }
  SshTarget own_key() const {
    SshTarget target = options.deploy;
    target.use_agent = false;
    return target;
  }

  SshdFixture sshd;
  KeyOptions options;
  int asked = 0;
  std::string fingerprint, log;
};

TEST_F(Keys, ExchangeMakesAKeyThatWorksAndAsksAboutTheHostOnce) {
  auto report = exchange_keys(options);
  ASSERT_TRUE(report.ok()) << describe(report.error()) << "\n" << log;
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(report->host_fingerprint, fingerprint);
  EXPECT_TRUE(SshSession::open(own_key()).ok());
  struct stat info {};
  ASSERT_EQ(::stat(options.deploy.key_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(count(authorized(), options.tag), 1U);
  EXPECT_NE(authorized().find("restrict ssh-ed25519"), std::string::npos);
  const std::string check = str("ssh-keygen -y -P '' -f ", options.deploy.key_file, " > /dev/null");
  EXPECT_EQ(std::system(check.c_str()), 0) << "OpenSSH cannot read our key";
  auto shown = show_keys(options);
  ASSERT_TRUE(shown.ok()) << describe(shown.error());
  EXPECT_EQ(shown->fingerprint, report->key_fingerprint);
  EXPECT_EQ(shown->host_fingerprint, fingerprint);
}

TEST_F(Keys, ExchangeAgainReplacesTheLineAndTouchesNothingElse) {
  const std::string before = authorized() + kForeign;
  write_file(sshd.authorized_keys(), before, 0640);
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  const std::string first_key = read_file(options.deploy.key_file);
  const std::string first = authorized();
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  EXPECT_EQ(asked, 1);
  EXPECT_NE(read_file(options.deploy.key_file), first_key);
  EXPECT_EQ(count(authorized(), options.tag), 1U);
  EXPECT_NE(authorized(), first);
  EXPECT_EQ(authorized().substr(0, before.size()), before);
  struct stat info {};
  ASSERT_EQ(::stat(sshd.authorized_keys().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_FALSE(fs::exists(options.deploy.key_file + ".new"));
}

TEST_F(Keys, OurOwnKeyIsEnoughForTheNextExchange) {
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  options.login_key.clear();
  EXPECT_TRUE(exchange_keys(options).ok()) << log;
}

TEST_F(Keys, AHostKeyThatNobodyConfirmsIsNotTrusted) {
  options.confirm_host = [](const HostKey&) { return false; };
  const std::string before = authorized();
  EXPECT_EQ(exchange_keys(options).error().code, ErrorCode::unreachable);
  options.confirm_host = nullptr;
  EXPECT_EQ(exchange_keys(options).error().code, ErrorCode::unreachable);
  EXPECT_FALSE(fs::exists(options.deploy.known_hosts));
  EXPECT_FALSE(fs::exists(options.deploy.key_file));
  EXPECT_EQ(authorized(), before);
}

TEST_F(Keys, OnlyTheAcceptedFingerprintPasses) {
  options.confirm_host = nullptr;
  options.accept_fingerprint = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const Error refused = exchange_keys(options).error();
  EXPECT_EQ(refused.code, ErrorCode::unreachable);
  EXPECT_NE(refused.message.find(options.accept_fingerprint), std::string::npos) << refused.message;
  EXPECT_EQ(refused.message.find("--accept-fingerprint"), std::string::npos) << "it helps to trust an impostor";
  EXPECT_FALSE(fs::exists(options.deploy.known_hosts));
  KeyOptions asking = options;
  asking.accept_fingerprint.clear();
  asking.confirm_host = [this](const HostKey& key) {
    fingerprint = key.fingerprint;
    return false;
  };
  EXPECT_FALSE(exchange_keys(asking).ok());
  options.accept_fingerprint = fingerprint;
  EXPECT_TRUE(exchange_keys(options).ok()) << log;
}

TEST_F(Keys, AChangedHostKeyIsReplacedOnlyWhenAccepted) {
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  sshd.make_new_host_key();
  options.confirm_host = nullptr;
  EXPECT_EQ(exchange_keys(options).error().code, ErrorCode::unreachable);
  options.confirm_host = [](const HostKey& key) { return key.changed; };
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  EXPECT_EQ(count(read_file(options.deploy.known_hosts), "\n"), 1U);
  EXPECT_TRUE(SshSession::open(own_key()).ok());
}

TEST_F(Keys, ThePackagesAgentBecomesTheForcedCommand) {
  options.agent_places = {"/nonexistent/twsync-agent", SYNC_ECHO_AGENT};
  options.deploy_root = "/srv/it's here";
  auto report = exchange_keys(options);
  ASSERT_TRUE(report.ok()) << describe(report.error()) << log;
  EXPECT_NE(report->forced_command.find("--root '/srv/it'\\''s here'"), std::string::npos) << report->forced_command;
  auto output = run_remote(own_key(), "echo a shell", "", 10'000);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->out.find("a shell"), std::string::npos);
  options.login_key.clear();
  const Error error = exchange_keys(options).error();
  EXPECT_NE(error.message.find("forced command"), std::string::npos) << error.message;
}

TEST_F(Keys, ANewKeyThatDoesNotWorkIsTakenBack) {
  ASSERT_TRUE(exchange_keys(options).ok()) << log;
  const std::string key = read_file(options.deploy.key_file);
  // sshd reads another file than the one we write: the line is there, the key is refused.
  fs::copy(sshd.authorized_keys(), sshd.dir() + "/elsewhere");
  sshd.restart({str("AuthorizedKeysFile ", sshd.dir(), "/elsewhere")});
  const std::string before = authorized();
  EXPECT_EQ(exchange_keys(options).error().code, ErrorCode::unreachable) << log;
  EXPECT_EQ(authorized(), before);
  EXPECT_EQ(read_file(options.deploy.key_file), key);
  EXPECT_TRUE(SshSession::open(own_key()).ok());
  EXPECT_FALSE(fs::exists(options.deploy.key_file + ".new"));
}

TEST_F(Keys, TheOtherDirectionGetsAKeyThatRunsOneCommandOnly) {
  SshdFixture code;
  ReverseKeys reverse;
  reverse.pair = "test";
  reverse.code.host = code.address();
  reverse.ports = {1, static_cast<uint16_t>(code.port())};  // nothing listens at the first
  reverse.authorized_keys = code.authorized_keys();
  reverse.command = "echo only this";
  reverse.host_key_files = {code.dir() + "/host_key.pub"};
  options.reverse = reverse;
  options.deploy_root = "/srv/it's here";
  const std::string before = read_file(code.authorized_keys());
  for (int i = 0; i < 2; ++i) {
    auto report = exchange_keys(options);
    ASSERT_TRUE(report.ok()) << describe(report.error()) << log;
    EXPECT_TRUE(report->reverse);
  }
  EXPECT_TRUE(read_file(code.authorized_keys()).starts_with(before));
  EXPECT_EQ(count(read_file(code.authorized_keys()), options.tag), 1U);
  const std::string dir = str(sshd.home(), "/", kWaysBackDirectory, "/test@", code.address());
  const std::string way = read_file(dir + "/way.sh");
  for (const std::string& line : {str("CODE_SERVER=", code.address(), "\n"), str("CODE_PORT=", code.port(), "\n"),
                                  std::string("PAIR=test\n"), std::string("DEPLOY_PATH='/srv/it'\\''s here'\n")}) {
    EXPECT_NE(way.find(line), std::string::npos) << line << way;
  }
  SshTarget back = code.target();
  back.key_file = dir + "/code_key";
  back.known_hosts = dir + "/known_hosts";
  auto output = run_remote(back, "echo anything else", "", 10'000);
  ASSERT_TRUE(output.ok()) << describe(output.error());
  EXPECT_EQ(output->out, "only this\n");
  ASSERT_TRUE(remove_keys(options).ok()) << log;
  EXPECT_EQ(read_file(code.authorized_keys()), before);
  EXPECT_EQ(count(authorized(), options.tag), 0U);
  EXPECT_FALSE(fs::exists(options.deploy.key_file));
  EXPECT_FALSE(fs::exists(dir));
}

TEST_F(Keys, AReverseLoginThatFailsLeavesNoLine) {
  ReverseKeys reverse;
  reverse.pair = "test";
  reverse.code.host = "127.0.0.1";
  reverse.ports = {1};
  reverse.authorized_keys = local("authorized_keys");
  reverse.host_key_files = {sshd.dir() + "/host_key.pub"};
  options.reverse = reverse;
  EXPECT_EQ(exchange_keys(options).error().code, ErrorCode::unreachable);
  EXPECT_EQ(read_file(reverse.authorized_keys), "");
}

}  // namespace
}  // namespace twsync
