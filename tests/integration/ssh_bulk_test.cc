// Much data both ways at once over a real sshd; rekeying; a peer that stops.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <thread>

#include "common/base/text.h"
#include "common/base/clock.h"
#include "common/ssh/bootstrap.h"
#include "tests/support/sshd_fixture.h"

namespace twsync {
namespace {

AgentTarget agent_target(const SshdFixture& sshd) {
  AgentTarget target;
  target.ssh = sshd.target();
  target.agent_path = SYNC_ECHO_AGENT;
  return target;
}

/// Sends `total` bytes and takes their echo at the same time; MB/s each way.
double echo(Connection& connection, size_t total) {
  constexpr size_t kBlock = 256U << 10U;
  const size_t frames = total / kBlock;
  SystemClock clock;
  const int64_t start = clock.steady_ns();
  std::thread sender([&] {
    std::string block(kBlock, 'x');
    for (size_t i = 0; i < frames; ++i) {
      block[i % kBlock] = static_cast<char>(i);
      const Status sent = connection.send(FrameType::content, static_cast<uint32_t>(i), block);
      ASSERT_TRUE(sent.ok()) << describe(sent.error());
    }
  });
  std::string expected(kBlock, 'x');
  size_t good = 0;
  for (size_t i = 0; i < frames; ++i) {
    auto frame = connection.receive(20'000);
    if (!frame) {
      ADD_FAILURE() << describe(frame.error());
      break;
    }
    expected[i % kBlock] = static_cast<char>(i);
    if (frame->stream == i && frame->payload == expected) ++good;
  }
  EXPECT_EQ(good, frames);
  if (good != frames) connection.close();
  sender.join();
  return static_cast<double>(total) / 1e6 / (static_cast<double>(clock.steady_ns() - start) / 1e9);
}

TEST(SshBulk, MovesMuchDataBothWaysAtOnce) {
  SshdFixture sshd;
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  const double rate = echo(**connection, 256U << 20U);
  RecordProperty("mb_per_second", static_cast<int>(rate));
}

TEST(SshBulk, SurvivesRekeying) {
  SshdFixture sshd({"RekeyLimit 16M"});
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  echo(**connection, 128U << 20U);
}

TEST(SshBulk, AReaderThatDoesNotReadStillSends) {
  SshdFixture sshd;
  AgentTarget target = agent_target(sshd);
  target.options.receive_limit_bytes = 1U << 20U;
  auto connection = connect_agent(target);
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  // More than our queue, libssh's window and the pipes hold on the way back; nobody receives until all is queued.
  const std::string block(1U << 20U, 'x');
  auto sender = std::async(std::launch::async, [&] {
    for (int i = 0; i < 64; ++i) EXPECT_TRUE((*connection)->send(FrameType::content, 1, block).ok());
  });
  EXPECT_EQ(sender.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  for (int i = 0; i < 64; ++i) {
    auto frame = (*connection)->receive(10'000);
    ASSERT_TRUE(frame.ok()) << describe(frame.error());
  }
}

class StoppedPeer {
 public:
  explicit StoppedPeer(const SshdFixture& sshd) : pids_(sshd.session_pids()) { signal(SIGSTOP); }
  ~StoppedPeer() { signal(SIGCONT); }
  bool empty() const { return pids_.empty(); }

 private:
  void signal(int number) const {
    for (const pid_t pid : pids_) ::kill(pid, number);
  }
  std::vector<pid_t> pids_;
};

TEST(SshBulk, AHalfOpenPeerIsDeclaredDead) {
  SshdFixture sshd;
  AgentTarget target = agent_target(sshd);
  target.options.ping_interval_ms = 200;
  target.options.dead_after_ms = 1'000;
  target.ssh.dead_after_ms = 1'000;
  auto connection = connect_agent(target);
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  const StoppedPeer stopped(sshd);
  ASSERT_FALSE(stopped.empty());
  auto frame = (*connection)->receive(10'000);
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().code, ErrorCode::unreachable);
}

TEST(SshBulk, AHalfOpenPeerUnderLoadIsDeclaredDead) {
  SshdFixture sshd;
  AgentTarget target = agent_target(sshd);
  target.options.ping_interval_ms = 200;
  target.options.dead_after_ms = 1'500;
  target.ssh.dead_after_ms = 1'500;
  auto connection = connect_agent(target);
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  const StoppedPeer stopped(sshd);
  ASSERT_FALSE(stopped.empty());
  const std::string block(1U << 20U, 'x');
  Status status;
  for (int i = 0; i < 1'000 && status.ok(); ++i) status = (*connection)->send(FrameType::content, 1, block);
  EXPECT_EQ(status.error().code, ErrorCode::unreachable);
}

TEST(SshBulk, ClosingDoesNotWaitForAStoppedPeer) {
  SshdFixture sshd;
  auto connection = connect_agent(agent_target(sshd));
  ASSERT_TRUE(connection.ok()) << describe(connection.error());
  const StoppedPeer stopped(sshd);
  const std::string block(1U << 20U, 'x');
  auto sender = std::async(std::launch::async, [&] {
    while ((*connection)->send(FrameType::content, 1, block).ok()) {
    }
  });
  EXPECT_EQ(sender.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  SystemClock clock;
  const int64_t start = clock.steady_ns();
  (*connection)->close();
  sender.get();
  connection->reset();
  EXPECT_LT(clock.steady_ns() - start, 3 * kSecond);
}

}  // namespace
}  // namespace twsync
