// Connection over socket pairs and child processes: order, limits, silence, noise, endings.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "common/ssh/child_stream.h"
#include "common/ssh/connection.h"
#include "common/ssh/fd_stream.h"
#include "common/ssh/frame_codec.h"

namespace twsync {
namespace {

struct SocketPair {
  int fds[2] = {-1, -1};
  SocketPair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0); }
  std::unique_ptr<ByteStream> stream(int i) {
    return make_fd_stream(fds[i], fds[i], FdOwner::stream, i == 0 ? "client" : "agent");
  }
};

ConnectionOptions client_options() {
  ConnectionOptions options;
  options.expect_magic = true;
  return options;
}

ConnectionOptions agent_options() {
  ConnectionOptions options;
  options.send_magic = true;
  options.ping_interval_ms = 0;
  return options;
}

struct Session {
  explicit Session(ConnectionOptions for_client = client_options(), ConnectionOptions for_agent = agent_options())
      : client(pair.stream(0), for_client), agent(pair.stream(1), for_agent) {}
  SocketPair pair;
  Connection client;
  Connection agent;
};

void write_all(int fd, std::string_view bytes) {
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

TEST(Connection, KeepsOrderAndContentOfSmallAndLargeFrames) {
  Session session;
  std::vector<std::string> payloads;
  for (size_t size :
       {size_t{0}, size_t{1}, kDirectBytes - 1, kDirectBytes, kDirectBytes + 1, kWriteBatch, kMaxFrame, size_t{5}}) {
    std::string payload(size, '\0');
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 + size);
    payloads.push_back(std::move(payload));
  }
  auto sender = std::async(std::launch::async, [&] {
    for (size_t i = 0; i < payloads.size(); ++i)
      EXPECT_TRUE(session.client.send(FrameType::content, static_cast<uint32_t>(i), payloads[i]));
  });
  for (size_t i = 0; i < payloads.size(); ++i) {
    auto frame = session.agent.receive(5'000);
    ASSERT_TRUE(frame.ok()) << describe(frame.error());
    EXPECT_EQ(frame->stream, i);
    EXPECT_TRUE(frame->payload == payloads[i]) << "frame " << i;
  }
  EXPECT_EQ(session.agent.receive(0).error().code, ErrorCode::timeout);
}

TEST(Connection, RefusesAFrameThatIsTooLarge) {
  Session session;
  EXPECT_EQ(session.client.send(FrameType::content, 1, std::string(kMaxFrame + 1, 'x')).error().code, ErrorCode::bug);
  EXPECT_TRUE(session.client.send(FrameType::content, 1, "x").ok());
}

TEST(Connection, BothSidesSendMuchAtOnceWithoutDeadlock) {
  Session session;
  constexpr int kFrames = 512;
  const std::string block(256U << 10U, 'b');
  const auto send_all = [&](Connection& c) {
    for (int i = 0; i < kFrames; ++i) ASSERT_TRUE(c.send(FrameType::content, 1, block).ok());
  };
  const auto receive_all = [&](Connection& c) {
    for (int i = 0; i < kFrames; ++i) {
      auto frame = c.receive(20'000);
      ASSERT_TRUE(frame.ok()) << describe(frame.error());
      ASSERT_EQ(frame->payload.size(), block.size());
    }
  };
  std::thread threads[] = {
      std::thread(send_all, std::ref(session.client)), std::thread(send_all, std::ref(session.agent)),
      std::thread(receive_all, std::ref(session.client)), std::thread(receive_all, std::ref(session.agent))};
  for (auto& thread : threads) thread.join();
}

TEST(Connection, AReaderThatDoesNotReadHoldsTheSenderBack) {
  ConnectionOptions small = agent_options();
  small.receive_limit_bytes = 1U << 20U;
  ConnectionOptions client = client_options();
  client.send_limit_bytes = 1U << 20U;
  Session session(client, small);
  std::atomic<int> sent{0};
  auto sender = std::async(std::launch::async, [&] {
    const std::string block(64U << 10U, 'x');
    for (int i = 0; i < 200; ++i) {
      if (!session.client.send(FrameType::content, 1, block).ok()) return;
      ++sent;
    }
  });
  EXPECT_EQ(sender.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  EXPECT_LT(sent.load(), 80);  // 1 MiB here, 1 MiB there, the socket's buffers, frames on their way
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(session.agent.receive(5'000).ok());
  EXPECT_EQ(sender.wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(Connection, AFullReceiveQueueIsNotADeadPeer) {
  ConnectionOptions client = client_options(), agent = agent_options();
  client.dead_after_ms = agent.dead_after_ms = 150;
  client.ping_interval_ms = 50;
  client.receive_limit_bytes = agent.receive_limit_bytes = 4'096;
  client.send_limit_bytes = agent.send_limit_bytes = 4'096;
  Session session(client, agent);
  const std::string block(1U << 20U, 'x');
  const auto send_some = [&](Connection& c) {
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(c.send(FrameType::content, 1, block).ok());
  };
  auto to_agent = std::async(std::launch::async, [&] { send_some(session.client); });
  auto to_client = std::async(std::launch::async, [&] { send_some(session.agent); });
  // Nobody receives for several times dead_after: the session must outlive that.
  EXPECT_EQ(to_agent.wait_for(std::chrono::milliseconds(600)), std::future_status::timeout);
  EXPECT_EQ(to_client.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(session.agent.receive(2'000).ok());
    ASSERT_TRUE(session.client.receive(2'000).ok());
  }
}

TEST(Connection, AnIdleSessionStaysAliveThroughPings) {
  ConnectionOptions client = client_options(), agent = agent_options();
  client.dead_after_ms = agent.dead_after_ms = 150;
  client.ping_interval_ms = 40;
  Session session(client, agent);
  EXPECT_EQ(session.client.receive(500).error().code, ErrorCode::timeout);
  EXPECT_EQ(session.agent.receive(0).error().code, ErrorCode::timeout);
  EXPECT_TRUE(session.agent.send(FrameType::hints, 0, "x").ok());
  EXPECT_TRUE(session.client.receive(1'000).ok());
}

TEST(Connection, ASilentPeerIsUnreachable) {
  SocketPair pair;
  ConnectionOptions options = client_options();
  options.dead_after_ms = 100;
  options.ping_interval_ms = 30;
  Connection client(pair.stream(0), options);
  auto frame = client.receive(3'000);
  EXPECT_EQ(frame.error().code, ErrorCode::unreachable);
  EXPECT_NE(frame.error().message.find("no answer"), std::string::npos) << frame.error().message;
  EXPECT_EQ(client.send(FrameType::hello, 0, "").error().code, ErrorCode::unreachable);
  ::close(pair.fds[1]);
}

TEST(Connection, SkipsABannerBeforeTheMagic) {
  SocketPair pair;
  Connection client(pair.stream(0), client_options());
  std::string banner = "Welcome to Debian\n";
  banner += kAgentMagic.substr(0, 9);  // something that begins like it
  write_all(pair.fds[1], banner);
  write_all(pair.fds[1], kAgentMagic.substr(0, 3));
  Connection agent(pair.stream(1), [] {
    auto options = agent_options();
    options.send_magic = false;
    return options;
  }());
  EXPECT_EQ(client.receive(50).error().code, ErrorCode::timeout);
  write_all(pair.fds[1], kAgentMagic.substr(3));
  ASSERT_TRUE(agent.send(FrameType::hello_reply, 7, "hi").ok());
  auto frame = client.receive(2'000);
  ASSERT_TRUE(frame.ok()) << describe(frame.error());
  EXPECT_EQ(frame->payload, "hi");
}

TEST(Connection, NoiseWithoutMagicIsShown) {
  SocketPair pair;
  Connection client(pair.stream(0), client_options());
  write_all(pair.fds[1], "bash: twsync-agent: not for you\n");
  ::close(pair.fds[1]);
  auto frame = client.receive(2'000);
  EXPECT_EQ(frame.error().code, ErrorCode::unreachable);
  EXPECT_NE(frame.error().message.find("not for you"), std::string::npos) << frame.error().message;
}

TEST(Connection, EndlessNoiseIsRefused) {
  SocketPair pair;
  Connection client(pair.stream(0), client_options());
  const std::string noise(kMaxNoise + 1, 'n');
  std::thread writer([&] { write_all(pair.fds[1], noise); });
  EXPECT_EQ(client.receive(5'000).error().code, ErrorCode::peer_violation);
  writer.join();
  ::close(pair.fds[1]);
}

TEST(Connection, AnOversizedFrameIsAViolation) {
  SocketPair pair;
  ConnectionOptions plain;
  Connection client(pair.stream(0), plain);
  std::string header;
  append_frame_header(header, FrameType::content, 1, kMaxFrame + 1);
  write_all(pair.fds[1], header);
  EXPECT_EQ(client.receive(2'000).error().code, ErrorCode::peer_violation);
  ::close(pair.fds[1]);
}

TEST(Connection, FramesBeforeTheEndAreDelivered) {
  SocketPair pair;
  ConnectionOptions plain;
  std::string bytes;
  append_frame_header(bytes, FrameType::error, 3, 4);
  bytes += "last";
  write_all(pair.fds[1], bytes);
  ::close(pair.fds[1]);
  Connection client(pair.stream(0), plain);
  for (int i = 0; i < 100; ++i) {
    if (!client.send(FrameType::content, 1, std::string(1'000, 'x')).ok()) break;  // breaks against the closed end
  }
  auto frame = client.receive(3'000);
  ASSERT_TRUE(frame.ok()) << describe(frame.error());
  EXPECT_EQ(frame->payload, "last");
  const Error first = client.receive(3'000).error();
  EXPECT_EQ(first.code, ErrorCode::unreachable);
  EXPECT_EQ(client.flush(1'000).error().message, first.message);
}

TEST(Connection, CloseUnblocksEverybody) {
  SocketPair pair;
  ConnectionOptions options;
  options.send_limit_bytes = 1;
  Connection client(pair.stream(0), options);
  auto receiving = std::async(std::launch::async, [&] { return client.receive(-1).error().code; });
  auto sending = std::async(std::launch::async, [&] {
    for (;;) {
      auto status = client.send(FrameType::content, 1, std::string(1U << 20U, 'x'));
      if (!status.ok()) return status.error().code;
    }
  });
  auto flushing = std::async(std::launch::async, [&] {
    for (;;) {
      auto status = client.flush(-1);
      if (!status.ok()) return status.error().code;
    }
  });
  EXPECT_EQ(receiving.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  client.close();
  EXPECT_EQ(receiving.get(), ErrorCode::cancelled);
  EXPECT_EQ(sending.get(), ErrorCode::cancelled);
  EXPECT_EQ(flushing.get(), ErrorCode::cancelled);
  ::close(pair.fds[1]);
}

TEST(FdStream, WidensPipesSoThatTheirWriterNeedNotWait) {
  int in[2], out[2];
  ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const auto stream = make_fd_stream(in[0], out[1], FdOwner::stream, "pipes");
  EXPECT_EQ(::fcntl(in[1], F_GETPIPE_SZ), 1 << 20);
  EXPECT_EQ(::fcntl(out[0], F_GETPIPE_SZ), 1 << 20);
  ::close(in[1]);
  ::close(out[0]);
}

TEST(ChildStream, EchoesThroughAChild) {
  auto stream = make_child_stream({"cat"});
  ASSERT_TRUE(stream.ok()) << describe(stream.error());
  ConnectionOptions options;
  options.ping_interval_ms = 0;
  Connection connection(std::move(*stream), options);
  ASSERT_TRUE(connection.send(FrameType::content, 9, "through cat").ok());
  auto frame = connection.receive(3'000);
  ASSERT_TRUE(frame.ok()) << describe(frame.error());
  EXPECT_EQ(frame->payload, "through cat");
}

TEST(ChildStream, TellsExitCodeAndStderr) {
  auto stream = make_child_stream({"sh", "-c", "echo wrong libc >&2; exit 42"});
  ASSERT_TRUE(stream.ok());
  Connection connection(std::move(*stream), client_options());
  const Error error = connection.receive(5'000).error();
  EXPECT_EQ(error.code, ErrorCode::unreachable);
  EXPECT_NE(error.message.find("wrong libc"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("42"), std::string::npos) << error.message;
}

TEST(ChildStream, AMissingProgramIsNotFound) {
  EXPECT_EQ(make_child_stream({"/nonexistent/agent"}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace twsync
