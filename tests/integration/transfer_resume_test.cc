// Transfers that are cut: the next session sends what isn't there yet, whatever the agent says of it.
#include <random>
#include <thread>

#include "common/fs/chunk_store.h"
#include "tests/integration/transfer_support.h"

namespace twsync::agent_test {
namespace {

constexpr size_t kLarge = 48U << 20U;

class TransferResume : public Transfer {
 protected:
  static std::string noise(size_t size) {
    std::string out(size, '\0');
    random_bytes(out.data(), out.size());
    return out;
  }
  size_t partials(const TempRoot& root) const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root.at(std::string(".twsync/") + kPair + "/partial")))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  /// A task that sends "large" to `agent`; returns once it has ended.
  template <class Agent>
  void send_large(Agent& agent, Outcomes& outcomes) {
    const auto open = [&]() -> Result<std::unique_ptr<Connection>> {
      auto connection = connect(agent.take_stream());
      SYNC_ASSIGN(const Greeting greeting, hello(*connection, test_hello(AgentRole::bulk, deploy_.path())));
      return connection;
    };
    TransferSession session(options(), open, outcomes.events(), clock_);
    Batch to = batch(Side::deploy);
    put(to, "large");
    EXPECT_TRUE(session.submit("task", std::move(to)).ok());
    ASSERT_TRUE(outcomes.wait(1));
  }
  /// Half of the file travels to `side`; then the agent is killed.
  void cut(Side side) {
    Outcomes outcomes;
    auto agent = std::make_shared<ChildAgent>();
    const auto open = [&, agent]() -> Result<std::unique_ptr<Connection>> {
      auto connection = connect(std::move(agent->stream));
      SYNC_ASSIGN(const Greeting greeting, hello(*connection, test_hello(AgentRole::bulk, deploy_.path())));
      return connection;
    };
    std::atomic<bool> half{false};
    TransferEvents events = outcomes.events();
    events.progress = [&](const std::string&, uint64_t wire_bytes) {
      if (wire_bytes > kLarge / 2) half = true;
    };
    TransferSessionOptions slow = options();
    slow.bytes_per_second = 64U << 20U;
    TransferSession session(slow, open, events, clock_);
    Batch to = batch(side);
    put(to, "large");
    ASSERT_TRUE(session.submit("dies", std::move(to)).ok());
    while (!half) std::this_thread::yield();
    agent->kill();
    ASSERT_TRUE(outcomes.wait(1));
    EXPECT_TRUE(outcomes.failed_.contains("dies") || failures(outcomes.done_["dies"]) == 1);
    EXPECT_FALSE(std::filesystem::exists((side == Side::deploy ? deploy_ : code_).at("large")));
  }
  BatchResult go_on(Side side) {
    Outcomes outcomes;
    TransferSession session(options(), child(), outcomes.events(), clock_);
    Batch to = batch(side);
    put(to, "large");
    EXPECT_TRUE(session.submit("goes on", std::move(to)).ok());
    EXPECT_TRUE(outcomes.wait(1));
    EXPECT_TRUE(outcomes.done_.contains("goes on")) << describe(outcomes.failed_["goes on"]);
    return outcomes.done_["goes on"];
  }
};

TEST_F(TransferResume, ToTheDeploySide) {
  code_.write("large", noise(kLarge));
  cut(Side::deploy);
  EXPECT_EQ(partials(deploy_), 2U);
  const BatchResult result = go_on(Side::deploy);
  ASSERT_EQ(failures(result), 0U) << result.results.at(0).message;
  EXPECT_LT(result.wire_bytes, kLarge * 6 / 10 + (16U << 20U)) << "what was on its way when the agent died is lost";
  EXPECT_GT(result.results.at(0).resumed, 0U);
  EXPECT_TRUE(deploy_.read("large") == code_.read("large"));
  EXPECT_EQ(partials(deploy_), 0U);
}

TEST_F(TransferResume, ToTheCodeSide) {
  deploy_.write("large", noise(kLarge));
  cut(Side::code);
  EXPECT_EQ(partials(code_), 2U);
  const BatchResult result = go_on(Side::code);
  ASSERT_EQ(failures(result), 0U) << result.results.at(0).message;
  EXPECT_LT(result.wire_bytes, kLarge * 6 / 10);
  EXPECT_GT(result.results.at(0).resumed, kLarge * 4 / 10);
  EXPECT_TRUE(deploy_.read("large") == code_.read("large"));
  EXPECT_EQ(partials(code_), 0U);
}

TEST_F(TransferResume, ManyInOneSession) {
  code_.write("large", noise(kLarge));
  cut(Side::deploy);
  for (int i = 0; i < 6; ++i) code_.write("more" + std::to_string(i), noise(17U << 20U));
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  for (int i = 0; i < 6; ++i) {
    Batch to = batch(Side::deploy);
    put(to, i == 3 ? "large" : "more" + std::to_string(i));
    EXPECT_TRUE(session.submit("task" + std::to_string(i), std::move(to)).ok());
  }
  ASSERT_TRUE(outcomes.wait(6));
  for (const auto& [task, result] : outcomes.done_) EXPECT_EQ(failures(result), 0U) << task;
  ASSERT_TRUE(outcomes.done_.contains("task3"));
  EXPECT_GT(outcomes.done_["task3"].results.at(0).resumed, 0U);
  EXPECT_TRUE(deploy_.read("large") == code_.read("large"));
}

// ---- an agent that lies about what it has

/// Answers in an agent's place, as far as a transfer to the deploy side needs it.
class LyingAgent {
 public:
  enum class Lie { forged_list, two_answers, answer_of_another, garbage };
  LyingAgent(Lie lie, std::string list) : lie_(lie), list_(std::move(list)) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    stream_ = make_fd_stream(fds[0], fds[0], FdOwner::stream, "lying agent");
    thread_ = std::thread([this, fd = fds[1]] { serve(fd); });
  }
  ~LyingAgent() { thread_.join(); }
  std::unique_ptr<ByteStream> take_stream() { return std::move(stream_); }
  std::atomic<uint64_t> content{0};

 private:
  void serve(int fd) {
    ConnectionOptions options;
    options.ping_interval_ms = 0;
    options.send_magic = true;
    Connection connection(make_fd_stream(fd, fd, FdOwner::stream, "client"), options);
    for (;;) {
      Result<Frame> frame = connection.receive(-1);
      if (!frame.ok()) return;
      if (frame->type == FrameType::hello) greet(connection);
      if (frame->type == FrameType::partials) lie(connection, frame->stream);
      if (frame->type == FrameType::content) content += frame->payload.size();
      if (frame->type == FrameType::content_end)
        (void)connection.send(FrameType::results, frame->stream, encode(BatchResult{}));
    }
  }
  static void greet(Connection& connection) {
    HelloReply reply;
    reply.features = {kResumeFeature};
    (void)connection.send(FrameType::hello_reply, 0, encode(reply));
  }
  void lie(Connection& connection, uint32_t stream) {
    const std::string reply = encode(PartialsReply{{{0, list_}, {0, list_}, {99, list_}}});
    if (lie_ == Lie::garbage) return (void)connection.send(FrameType::partials_reply, stream, "garbage");
    if (lie_ == Lie::answer_of_another) return (void)connection.send(FrameType::partials_reply, stream + 7, reply);
    (void)connection.send(FrameType::partials_reply, stream, reply);
    if (lie_ == Lie::two_answers) (void)connection.send(FrameType::partials_reply, stream, reply);
  }

  const Lie lie_;
  const std::string list_;
  std::unique_ptr<ByteStream> stream_;
  std::thread thread_;
};

TEST_F(TransferResume, AListOfGuessesGetsAllOfTheBytes) {
  const std::string large = noise(20U << 20U);
  code_.write("large", large);
  Chunker chunker(HashKey{});  // without the pair's key
  chunker.begin(chunk_average(large.size()));
  ASSERT_TRUE(chunker.feed(large, {}));
  ASSERT_TRUE(chunker.end({}));
  LyingAgent agent(LyingAgent::Lie::forged_list, format_chunks(chunker.take_list()));
  Outcomes outcomes;
  send_large(agent, outcomes);
  EXPECT_GT(agent.content, large.size());
}

TEST_F(TransferResume, AnAnswerThatWasNotAskedForEndsTheSession) {
  using Lie = LyingAgent::Lie;
  code_.write("large", noise(20U << 20U));
  for (const Lie lie : {Lie::two_answers, Lie::answer_of_another, Lie::garbage}) {
    LyingAgent agent(lie, "no list");
    Outcomes outcomes;
    send_large(agent, outcomes);
    ASSERT_TRUE(outcomes.failed_.contains("task"));
    EXPECT_EQ(outcomes.failed_["task"].code, ErrorCode::peer_violation);
  }
}

}  // namespace
}  // namespace twsync::agent_test
