// A hostile client against the agent, and a lying agent against RemoteSide: refused, never a crash.
#include <chrono>
#include <random>
#include <thread>

#include "tests/integration/agent_support.h"
#include "workers/agent/packed.h"
#include "workers/agent/remote_side.h"

namespace twsync::agent_test {
namespace {

struct Ended {
  Error error;
  int status = 0;
};

/// Sends one frame after a good handshake and tells how the session ended.
Ended provoke(AgentRole role, const std::string& root, FrameType type, std::string payload, uint32_t stream = 1) {
  ChildAgent agent;
  auto connection = connect(std::move(agent.stream));
  const Result<Greeting> greeting = hello(*connection, test_hello(role, root));
  EXPECT_TRUE(greeting.ok()) << describe(greeting.error());
  EXPECT_TRUE(connection->send(type, stream, std::move(payload)).ok());
  Ended ended;
  for (;;) {
    Result<Frame> frame = connection->receive(10'000);
    if (!frame.ok()) {
      if (ended.error.code == ErrorCode::ok) ended.error = frame.error();
      break;
    }
    if (frame->type == FrameType::error) ended.error = decode<Reply>(frame->payload)->error;
  }
  connection.reset();
  ended.status = agent.wait();
  return ended;
}

void expect_refused(const Ended& ended, const std::string& what) {
  EXPECT_EQ(ended.error.code, ErrorCode::peer_violation) << what << ": " << describe(ended.error);
  EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 3) << what << ": " << ended.status;
}

Batch evil_batch(Side side, const std::string& path) {
  Batch batch;
  batch.id = 1;
  batch.side = side;
  Operation& op = batch.operations.emplace_back();
  op.side = side;
  op.path = path;
  op.desired.kind = Kind::file;
  return batch;
}

TEST(AgentHostile, RefusesFramesThatHaveNoPlace) {
  TempRoot root;
  expect_refused(provoke(AgentRole::control, root.path(), static_cast<FrameType>(200), "x"), "unknown type");
  expect_refused(provoke(AgentRole::control, root.path(), FrameType::apply, encode(Batch{})),
                 "bulk frame in a control session");
  expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::facts, encode(Reply{})),
                 "control frame in a bulk session");
  expect_refused(provoke(AgentRole::control, root.path(), FrameType::hello, encode(Hello{})), "a second hello");
  expect_refused(provoke(AgentRole::control, root.path(), FrameType::list_end, "x"), "a reply");
  expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::content, "x"), "content without a batch");
  expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::content_end, encode(Reply{})),
                 "an end without a batch");
}

TEST(AgentHostile, RefusesPathsThatLeaveTheRoot) {
  TempRoot root;
  const std::vector<std::string> bad{"../x", "/etc/passwd", "a/../../x", ".twsync/x", "a//b", std::string("a\0b", 3)};
  for (const std::string& path : bad) {
    ListRequest list;
    list.scopes = {{path, true}};
    const Ended listed = provoke(AgentRole::control, root.path(), FrameType::list, encode(list));
    EXPECT_EQ(listed.error.code, ErrorCode::usage) << path;
    expect_refused(provoke(AgentRole::control, root.path(), FrameType::digest, encode(DigestRequest{{path}})),
                   "digest " + path);
    expect_refused(provoke(AgentRole::control, root.path(), FrameType::read_small, encode(PathRequest{path})),
                   "read " + path);
    expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::apply, encode(evil_batch(Side::deploy, path))),
                   "apply " + path);
    expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::send, encode(evil_batch(Side::code, path))),
                   "send " + path);
  }
  for (const std::string& path :
       {std::string("../x"), std::string("/etc/passwd"), std::string(".twsync/x"), std::string()}) {
    Batch batch = evil_batch(Side::deploy, "a");
    batch.twins.push_back({0, path, {}});
    expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::apply, encode(batch)), "a twin at " + path);
    batch.side = batch.operations[0].side = Side::code;
    expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::send, encode(batch)), "a twin at " + path);
  }
  expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::apply, encode(evil_batch(Side::code, "a"))),
                 "the wrong side");
  expect_refused(provoke(AgentRole::bulk, root.path(), FrameType::apply, encode(evil_batch(Side::deploy, ""))),
                 "the root itself");
}

TEST(AgentHostile, SurvivesGarbageInEveryFrame) {
  TempRoot root;
  root.write("a", "1");
  std::mt19937 random(7);
  const auto garbage = [&] {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  for (int type = 0; type < 60; ++type) {
    if (type == 2 || type == 3 || type == 4 || type == 6)
      continue;  // ping, pong and goodbye say nothing and end nothing
    for (const AgentRole role : {AgentRole::control, AgentRole::bulk}) {
      const std::string payload = garbage();
      ChildAgent agent;
      auto connection = connect(std::move(agent.stream));
      ASSERT_TRUE(hello(*connection, test_hello(role, root.path())).ok());
      (void)connection->send(static_cast<FrameType>(type), 1, payload);
      (void)connection->receive(200);
      connection.reset();
      const int status = agent.wait();
      EXPECT_TRUE(WIFEXITED(status)) << "type " << type << " ended it by signal " << WTERMSIG(status);
    }
  }
}

TEST(AgentHostile, SurvivesRawGarbageAndTooLongFrames) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    ChildAgent agent;
    std::string bytes;
    if (round == 0) {
      bytes = std::string("\xff\xff\xff\xff\1\0\0\0\1\0\0\0", 12);  // 4 GiB announced
    } else {
      bytes.resize(random() % 5'000 + 12);
      for (char& byte : bytes) byte = static_cast<char>(random());
    }
    (void)agent.stream->write_some(bytes.data(), bytes.size());
    ::shutdown(agent.stream->write_fd(), SHUT_WR);
    const int status = agent.wait();
    EXPECT_TRUE(WIFEXITED(status)) << "round " << round << ": " << status;
  }
}

/// An "agent" in this process that says what the test wants.
class LyingAgent {
 public:
  LyingAgent() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    ConnectionOptions options;
    options.send_magic = true;
    options.ping_interval_ms = 0;
    agent_ = std::make_unique<Connection>(make_fd_stream(fds[0], fds[0], FdOwner::stream, "client"), options);
    RemoteSide::WatchSinks sinks;
    sinks.hints = [this](std::vector<Hint>&& hints) {
      // The end of a session is itself a hint, on the whole root.
      for (const Hint& hint : hints) hints_ += hint.path.empty() ? 0 : 1;
    };
    side_ = std::make_unique<RemoteSide>(connect(make_fd_stream(fds[1], fds[1], FdOwner::stream, "liar")), HelloReply{},
                                         std::move(sinks));
  }
  RemoteSide& side() { return *side_; }
  Connection& agent() { return *agent_; }
  size_t hints() const { return hints_; }
  template <class Message>
  void say(FrameType type, const Message& message, uint32_t stream = 1) {
    EXPECT_TRUE(agent_->send(type, stream, pack_payload(encode(message))).ok());
  }

 private:
  std::atomic<size_t> hints_{0};
  std::unique_ptr<Connection> agent_;
  std::unique_ptr<RemoteSide> side_;
};

ListChunk chunk(const std::vector<std::string>& paths) {
  ListChunk out;
  for (const std::string& path : paths) {
    PathEntry& listed = out.entries.emplace_back();
    listed.path = path;
    listed.entry.kind = Kind::file;
    listed.entry.mode = 0644;
  }
  return out;
}

ErrorCode list_code(RemoteSide& side, const std::vector<Scope>& scopes) {
  ListRequest request;
  request.scopes = scopes;
  const Result<ListEnd> end = side.list(request, [](std::vector<PathEntry>&&) -> Status { return {}; });
  return end.ok() ? ErrorCode::ok : end.error().code;
}

TEST(LyingPeer, ListsWhatWasNotAskedFor) {
  for (const char* path : {"b", "../a", "/a", ".twsync/x", "a/b"}) {
    LyingAgent liar;
    liar.say(FrameType::list_chunk, chunk({path}));
    liar.say(FrameType::list_end, ListEnd{});
    EXPECT_EQ(list_code(liar.side(), {{"a", false}}), ErrorCode::peer_violation) << path;
    EXPECT_EQ(liar.side().facts().error().code, ErrorCode::peer_violation) << "the session is over";
  }
}

TEST(LyingPeer, ListsOutOfOrderAcrossFrames) {
  LyingAgent liar;
  liar.say(FrameType::list_chunk, chunk({"a", "c"}));
  liar.say(FrameType::list_chunk, chunk({"b"}));
  EXPECT_EQ(list_code(liar.side(), {{"", true}}), ErrorCode::peer_violation);
}

TEST(LyingPeer, RepeatsARangeThatNobodyKnows) {
  LyingAgent liar;
  ListChunk range;
  range.known = {1};
  liar.say(FrameType::list_chunk, range);
  liar.say(FrameType::list_end, ListEnd{});
  EXPECT_EQ(list_code(liar.side(), {{"", true}}), ErrorCode::peer_violation);
}

TEST(LyingPeer, AnswersWithTheWrongFrame) {
  LyingAgent liar;
  liar.say(FrameType::claim_reply, Reply{});
  EXPECT_EQ(list_code(liar.side(), {{"", true}}), ErrorCode::peer_violation);
  LyingAgent other;
  other.say(FrameType::list_end, ListEnd{}, 2);
  EXPECT_EQ(list_code(other.side(), {{"", true}}), ErrorCode::peer_violation);
}

TEST(LyingPeer, SendsWhatDoesNotUnpack) {
  LyingAgent liar;
  EXPECT_TRUE(liar.agent().send(FrameType::list_chunk, 1, "\1\xff\xff\xff\x7fgarbage").ok());
  EXPECT_EQ(list_code(liar.side(), {{"", true}}), ErrorCode::peer_violation);
}

TEST(LyingPeer, HintsAtPathsThatLeaveTheRoot) {
  LyingAgent liar;
  Hint hint;
  hint.path = "../../etc";
  EXPECT_TRUE(liar.agent().send(FrameType::hints, 0, encode(HintsFrame{{hint}, {}})).ok());
  EXPECT_EQ(liar.side().facts().error().code, ErrorCode::peer_violation);
  EXPECT_EQ(liar.hints(), 0U);
}

TEST(LyingPeer, ItsLastWordsAreTold) {
  LyingAgent liar;
  EXPECT_TRUE(
      liar.agent().send(FrameType::error, 0, encode(Reply{{ErrorCode::guard, "the root was replaced", {}, 0}})).ok());
  const Result<SideFacts> facts = liar.side().facts();
  ASSERT_FALSE(facts.ok());
  EXPECT_EQ(facts.error().code, ErrorCode::guard);
  EXPECT_EQ(facts.error().message, "the root was replaced");
}

TEST(LyingPeer, AFloodOfRepliesDoesNotKeepTheSessionFromClosing) {
  auto liar = std::make_unique<LyingAgent>();
  std::thread flood([agent = &liar->agent()] {
    while (agent->send(FrameType::list_chunk, 1, std::string(1U << 20U, 'x')).ok()) {
    }
  });
  EXPECT_EQ(liar->side().facts().error().code, ErrorCode::peer_violation);
  liar->agent().close();
  flood.join();
}

}  // namespace
}  // namespace twsync::agent_test
