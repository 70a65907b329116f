// Logging in, host keys, bootstrap and remote commands against a real sshd.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/base/text.h"
#include "common/ssh/bootstrap.h"
#include "tests/support/sshd_fixture.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

std::string agent_dir(const SshdFixture& sshd) {
  return sshd.home() + "/.local/share/twsync/agent";
}

AgentTarget agent_target(const SshdFixture& sshd) {
  AgentTarget target;
  target.ssh = sshd.target();
  target.agent_path = SYNC_ECHO_AGENT;
  return target;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Ssh : public ::testing::Test {
 protected:
  SshdFixture sshd;
};

TEST_F(Ssh, RunsACommandWithInputOutputAndExitCode) {
  auto output = run_remote(sshd.target(), "cat; echo oops >&2; exit 3", std::string(300'000, 'x'), 10'000);
  ASSERT_TRUE(output.ok()) << describe(output.error());
  EXPECT_EQ(output->exit_code, 3);
  EXPECT_EQ(output->out, std::string(300'000, 'x'));
  EXPECT_EQ(output->err, "oops\n");
}

TEST_F(Ssh, ACommandThatDoesNotReadItsInputStillEnds) {
  auto output = run_remote(sshd.target(), "exit 5", std::string(8U << 20U, 'x'), 10'000);
  ASSERT_TRUE(output.ok()) << describe(output.error());
  EXPECT_EQ(output->exit_code, 5);
}

TEST_F(Ssh, ACommandThatNeverEndsTimesOut) {
  EXPECT_EQ(run_remote(sshd.target(), "cat > /dev/null; exec sleep 3", "", 300).error().code, ErrorCode::timeout);
}

TEST_F(Ssh, AnUnknownHostKeyIsRefusedAndNotLearned) {
  write_file(sshd.dir() + "/known_hosts", "");
  auto session = SshSession::open(sshd.target());
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(session.error().message, "twsync keys exchange")) << session.error().message;
  EXPECT_TRUE(contains(session.error().message, "SHA256:")) << session.error().message;
  EXPECT_EQ(read_file(sshd.dir() + "/known_hosts"), "");
  SshTarget no_file = sshd.target();
  no_file.known_hosts = sshd.dir() + "/none/known_hosts";
  EXPECT_TRUE(contains(SshSession::open(no_file).error().message, "twsync keys exchange"));
}

TEST_F(Ssh, AChangedHostKeyIsRefused) {
  sshd.make_new_host_key();
  auto session = SshSession::open(sshd.target());
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(session.error().message, "CHANGED")) << session.error().message;
  SshTarget of_a_pair = sshd.target();
  of_a_pair.exchange = "twsync keys exchange web";
  EXPECT_TRUE(
      contains(SshSession::open(of_a_pair).error().message, "`twsync keys exchange web --accept-fingerprint SHA"));
  EXPECT_TRUE(contains(session.error().message, "known_hosts")) << session.error().message;
}

TEST_F(Ssh, AConfirmedHostKeyIsWrittenOnce) {
  write_file(sshd.dir() + "/known_hosts", "other.example ssh-ed25519 AAAA\n");
  SshTarget target = sshd.target();
  std::string shown;
  target.confirm_host = [&](const HostKey& key) {
    shown = key.fingerprint;
    return true;
  };
  ASSERT_TRUE(SshSession::open(target).ok());
  EXPECT_TRUE(shown.starts_with("SHA256:"));
  target.confirm_host = nullptr;
  EXPECT_TRUE(SshSession::open(target).ok());
  EXPECT_TRUE(read_file(sshd.dir() + "/known_hosts").starts_with("other.example ssh-ed25519 AAAA\n[127."));
}

TEST_F(Ssh, ARefusedKeySaysWhatWasTried) {
  write_file(sshd.authorized_keys(), "");
  auto session = SshSession::open(sshd.target());
  EXPECT_EQ(session.error().code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(session.error().message, "client_key")) << session.error().message;
  EXPECT_TRUE(contains(session.error().message, "refused")) << session.error().message;
}

TEST_F(Ssh, APrivateKeyThatOthersMayReadIsNotUsed) {
  ASSERT_EQ(::chmod((sshd.dir() + "/client_key").c_str(), 0644), 0);
  EXPECT_EQ(SshSession::open(sshd.target()).error().code, ErrorCode::usage);
}

TEST_F(Ssh, NamesThatCannotBeHostsAreUsageErrors) {
  SshTarget target = sshd.target();
  target.host = "-oProxyCommand=x";
  EXPECT_EQ(SshSession::open(target).error().code, ErrorCode::usage);
  target = sshd.target();
  target.user = "a;b";
  EXPECT_EQ(SshSession::open(target).error().code, ErrorCode::usage);
}

TEST_F(Ssh, APortThatNobodyListensOnIsUnreachable) {
  SshTarget target = sshd.target();
  target.port = 1;
  EXPECT_EQ(SshSession::open(target).error().code, ErrorCode::unreachable);
}

TEST_F(Ssh, InstallsTheAgentOnceAndGreetsIt) {
  AgentTarget target = agent_target(sshd);
  int installs = 0;
  target.log = [&](const std::string&) { ++installs; };
  for (int i = 0; i < 2; ++i) {
    auto connection = connect_agent(target);
    ASSERT_TRUE(connection.ok()) << describe(connection.error());
    auto greeting = hello(**connection, Hello{});
    ASSERT_TRUE(greeting.ok()) << describe(greeting.error());
    EXPECT_LT(std::abs(greeting->skew_ns), 1'000'000'000);
    EXPECT_GT(greeting->rtt_ns, 0);
  }
  EXPECT_EQ(installs, 1);
}

TEST_F(Ssh, KeepsThreeAgentsAndReplacesADamagedOne) {
  fs::create_directories(agent_dir(sshd));
  for (int i = 0; i < 5; ++i) write_file(str(agent_dir(sshd), "/twsync-agent-old", i), "#!/bin/sh\n", 0755);
  const std::string ours = str(agent_dir(sshd), "/twsync-agent-", *agent_build_id(SYNC_ECHO_AGENT));
  write_file(ours, "", 0755);  // as after a power loss: the name without the content
  ASSERT_TRUE(connect_agent(agent_target(sshd)).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(agent_dir(sshd)), {}), 3);
  EXPECT_EQ(fs::file_size(ours), fs::file_size(SYNC_ECHO_AGENT));
}

TEST_F(Ssh, ABannerFromTheShellIsSkipped) {
  write_file(sshd.home() + "/.bashrc", "echo Welcome to this server; head -c 30000 /dev/zero | tr '\\0' .\n");
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  EXPECT_TRUE(hello(**connection, Hello{}).ok());
}

TEST_F(Ssh, AnAgentThatEndsAtOnceTellsItsLastWords) {
  AgentTarget target = agent_target(sshd);
  target.agent_path = sshd.dir() + "/agent";
  write_file(target.agent_path, "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho no such luck >&2; exit 9\n", 0755);
  auto connection = connect_agent(target);
  ASSERT_FALSE(connection.ok());
  EXPECT_EQ(connection.error().code, ErrorCode::unreachable);
  EXPECT_TRUE(contains(connection.error().message, "no such luck")) << connection.error().message;
  EXPECT_TRUE(contains(connection.error().message, "exit code 9")) << connection.error().message;
}

TEST_F(Ssh, AnAgentOfAnotherArchitectureIsExplained) {
  AgentTarget target = agent_target(sshd);
  target.agent_path = sshd.dir() + "/agent";
  std::string elf = read_file(SYNC_ECHO_AGENT);
  elf[18] = '\x7f';  // e_machine
  write_file(target.agent_path, elf, 0755);
  auto connection = connect_agent(target);
  ASSERT_FALSE(connection.ok());
  EXPECT_TRUE(contains(connection.error().message, "architecture")) << connection.error().message;
  EXPECT_TRUE(contains(connection.error().message, "it said")) << connection.error().message;
  EXPECT_TRUE(fs::is_empty(agent_dir(sshd)));
}

TEST_F(Ssh, AHomeThatCannotBeWrittenIsExplained) {
  write_file(sshd.home() + "/.local", "a file in the way");
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_FALSE(connection.ok());
  EXPECT_TRUE(contains(connection.error().message, "cannot be made")) << connection.error().message;
}

TEST_F(Ssh, AForcedCommandAnswersAndNothingIsInstalled) {
  const std::string key = read_file(sshd.dir() + "/client_key.pub");
  write_file(sshd.authorized_keys(), str("restrict,command=\"", SYNC_ECHO_AGENT, " --stdio\" ", key), 0600);
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  EXPECT_TRUE(hello(**connection, Hello{}).ok());
  EXPECT_FALSE(fs::exists(agent_dir(sshd)));
}

TEST_F(Ssh, VersionMismatchAndRefusalAreNamed) {
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  Hello request;
  request.root = "/refused";
  EXPECT_EQ(hello(**connection, request).error().code, ErrorCode::denied);
  request.root = "/protocol-99";
  const Error error = hello(**connection, request).error();
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_TRUE(contains(error.message, "protocol 99")) << error.message;
  EXPECT_TRUE(contains(error.message, str("protocol ", kAgentProtocol))) << error.message;
}

TEST(LocalAgent, IsAChildProcess) {
  auto connection = connect_local_agent(SYNC_ECHO_AGENT);
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  EXPECT_TRUE(hello(**connection, Hello{}).ok());
  EXPECT_EQ(connect_local_agent("/nonexistent").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace twsync
