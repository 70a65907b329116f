// Batches both ways over a child agent: everything arrives, one bad thing stops only itself, endings are told.
#include <set>

#include "tests/integration/transfer_support.h"

namespace twsync::agent_test {
namespace {

TEST_F(Transfer, CarriesBothWaysAtOnce) {
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  constexpr int kBatches = 8, kFiles = 40;
  const auto side_of = [](int b) { return b % 2 == 0 ? Side::deploy : Side::code; };
  const auto name = [](int b, int i) { return "f" + std::to_string(b) + "_" + std::to_string(i); };
  for (int b = 0; b < kBatches; ++b) {
    const TempRoot& source = side_of(b) == Side::deploy ? code_ : deploy_;
    for (int i = 0; i < kFiles; ++i) {
      source.write(name(b, i), std::string(static_cast<size_t>(i) * 997, static_cast<char>('a' + b)) + name(b, i));
    }
  }
  std::vector<Batch> batches;
  for (int b = 0; b < kBatches; ++b) {
    Batch& to = batches.emplace_back(batch(side_of(b)));
    for (int i = 0; i < kFiles; ++i) put(to, name(b, i));
  }
  for (const Batch& one : batches) EXPECT_TRUE(session.submit("task" + std::to_string(one.id), Batch(one)).ok());
  ASSERT_TRUE(outcomes.wait(batches.size()));
  for (const Batch& one : batches) {
    ASSERT_TRUE(outcomes.done_.contains("task" + std::to_string(one.id)));
    const BatchResult& result = outcomes.done_["task" + std::to_string(one.id)];
    EXPECT_EQ(result.batch, one.id);
    EXPECT_TRUE(result.last);
    EXPECT_GT(result.wire_bytes, 1'000U);
    ASSERT_EQ(result.results.size(), one.operations.size());
    std::map<uint32_t, const OpResult*> by_id;
    for (const OpResult& told : result.results) by_id[told.id] = &told;
    for (const Operation& op : one.operations) {
      const OpResult& told = *by_id.at(op.id);
      EXPECT_EQ(told.code, ErrorCode::ok) << told.message;
      EXPECT_EQ(told.target.digest, op.desired.digest);
      EXPECT_EQ(told.source.stamp, op.desired.stamp) << "what was really read";
      EXPECT_EQ(code_.read(op.path), deploy_.read(op.path));
    }
  }
  EXPECT_TRUE(session.idle());
}

TEST_F(Transfer, ThousandsOfSmallFilesAndALargeOne) {
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  const std::string large(200U << 20U, 'L');
  for (int i = 0; i < 5'000; ++i) code_.write("s" + std::to_string(i), "s" + std::to_string(i));
  deploy_.write("large", large);
  Batch back = batch(Side::code);
  put(back, "large");
  EXPECT_TRUE(session.submit("large", std::move(back)).ok());
  size_t tasks = 1;
  for (int b = 0; b < 10; ++b, ++tasks) {
    Batch to = batch(Side::deploy);
    for (int i = 0; i < 500; ++i) {
      put(to, "s" + std::to_string(b * 500 + i));
    }
    EXPECT_TRUE(session.submit("small" + std::to_string(b), std::move(to)).ok());
  }
  ASSERT_TRUE(outcomes.wait(tasks));
  EXPECT_TRUE(outcomes.failed_.empty());
  for (const auto& [task, result] : outcomes.done_) EXPECT_EQ(failures(result), 0U) << task;
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(deploy_.read("s" + std::to_string(i)), "s" + std::to_string(i));
  EXPECT_EQ(code_.read("large"), large);
}

TEST_F(Transfer, BatchesWithoutContentGoTheSameWay) {
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  for (const Side side : {Side::deploy, Side::code}) {
    Batch to = batch(side);
    to.ordered = true;
    make_directory(to, side == Side::deploy ? "there" : "here");
    EXPECT_TRUE(session.submit(side == Side::deploy ? "there" : "here", std::move(to)).ok());
  }
  ASSERT_TRUE(outcomes.wait(2));
  EXPECT_EQ(failures(outcomes.done_["there"]), 0U);
  EXPECT_EQ(failures(outcomes.done_["here"]), 0U);
  EXPECT_TRUE(std::filesystem::is_directory(deploy_.at("there")));
  EXPECT_TRUE(std::filesystem::is_directory(code_.at("here")));
}

TEST_F(Transfer, OneBadFileDoesNotStopTheRest) {
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  Batch to = batch(Side::deploy);
  for (const char* path : {"a", "gone", "z"}) {
    code_.write(path, path);
    put(to, path);
  }
  std::filesystem::remove(code_.at("gone"));
  EXPECT_TRUE(session.submit("task", std::move(to)).ok());
  ASSERT_TRUE(outcomes.wait(1));
  ASSERT_TRUE(outcomes.done_.contains("task"));
  EXPECT_EQ(failures(outcomes.done_["task"]), 1U);
  EXPECT_EQ(deploy_.read("a"), "a");
  EXPECT_EQ(deploy_.read("z"), "z");
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("gone")));
}

TEST_F(Transfer, ARefusedEpochIsToldForEachOperation) {
  Outcomes outcomes;
  TransferSession session(options(), child(), outcomes.events(), clock_);
  Batch to = batch(Side::deploy);
  code_.write("a", "1");
  put(to, "a");
  to.epoch = 0;
  EXPECT_TRUE(session.submit("old", std::move(to)).ok());
  ASSERT_TRUE(outcomes.wait(1));
  ASSERT_TRUE(outcomes.done_.contains("old"));
  EXPECT_EQ(outcomes.done_["old"].results.at(0).code, ErrorCode::cancelled);
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("a")));
}

TEST_F(Transfer, AnAgentThatDiesFailsItsTasksAndHurtsNoFile) {
  Outcomes outcomes;
  auto agent = std::make_shared<ChildAgent>();
  std::atomic<bool> greeted{false};
  const auto open = [&, agent]() -> Result<std::unique_ptr<Connection>> {
    auto connection = connect(std::move(agent->stream));
    SYNC_ASSIGN(const Greeting greeting, hello(*connection, test_hello(AgentRole::bulk, deploy_.path())));
    greeted = true;
    return connection;
  };
  TransferSessionOptions slow = options();
  slow.bytes_per_second = 8U << 20U;  // so that it dies in the middle
  TransferSession session(slow, open, outcomes.events(), clock_);
  code_.write("large", std::string(64U << 20U, '\0'));
  code_.write("noise", [] {
    std::string noise(32U << 20U, '\0');
    uint64_t state = 1;
    for (char& byte : noise)
      byte = static_cast<char>((state = state * 6364136223846793005U + 1442695040888963407U) >> 56U);
    return noise;
  }());
  deploy_.write("back", std::string(1U << 20U, 'b'));
  Batch to = batch(Side::deploy);
  put(to, "noise");
  put(to, "large");
  EXPECT_TRUE(session.submit("dies", std::move(to)).ok());
  Batch back = batch(Side::code);
  put(back, "back");
  EXPECT_TRUE(session.submit("back", std::move(back)).ok());
  ASSERT_TRUE(outcomes.wait(1)) << "the other direction goes on while a large file is sent";
  EXPECT_TRUE(outcomes.done_.contains("back"));
  EXPECT_TRUE(greeted);
  agent->kill();
  ASSERT_TRUE(outcomes.wait(2));
  EXPECT_EQ(outcomes.failed_["dies"].code, ErrorCode::unreachable) << describe(outcomes.failed_["dies"]);
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("noise")));
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("large")));
  while (!session.finished()) std::this_thread::yield();
  EXPECT_FALSE(session.submit("late", batch(Side::deploy)).ok());
}

Result<std::unique_ptr<Connection>> unreachable() {
  return Error{ErrorCode::unreachable, "no route", {}, 0};
}

TEST_F(Transfer, AnAgentThatCannotBeReachedFailsEveryTask) {
  Outcomes outcomes;
  TransferSession session(options(), unreachable, outcomes.events(), clock_);
  size_t taken = 0;
  for (int i = 0; i < 3; ++i) taken += session.submit("t" + std::to_string(i), batch(Side::deploy)).ok() ? 1 : 0;
  ASSERT_TRUE(outcomes.wait(taken));
  for (const auto& [task, error] : outcomes.failed_) EXPECT_EQ(error.message, "no route");
}

TEST_F(Transfer, ASessionThatEndedBeforeItsFirstTaskSaysWhy) {
  Outcomes outcomes;
  TransferSession session(options(), unreachable, outcomes.events(), clock_);
  while (!session.finished()) std::this_thread::yield();
  const Status taken = session.submit("first", batch(Side::deploy));
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().message, "no route");
}

TEST_F(Transfer, AbandonsWhenDestroyed) {
  Outcomes outcomes;
  {
    TransferSessionOptions slow = options();
    slow.bytes_per_second = 1U << 20U;
    TransferSession session(slow, child(), outcomes.events(), clock_);
    std::string noise(16U << 20U, '\0');
    random_bytes(noise.data(), noise.size());
    code_.write("large", noise);
    Batch to = batch(Side::deploy);
    put(to, "large");
    EXPECT_TRUE(session.submit("under way", std::move(to)).ok());
    EXPECT_TRUE(session.submit("queued", batch(Side::deploy)).ok());
  }
  EXPECT_EQ(outcomes.failed_["under way"].code, ErrorCode::cancelled);
  EXPECT_EQ(outcomes.failed_["queued"].code, ErrorCode::cancelled);
}

TEST_F(Transfer, AVersionIdThatIsNoneIsNotTaken) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  ConnectionOptions as_agent;
  as_agent.send_magic = true;
  as_agent.ping_interval_ms = 0;
  Connection agent(make_fd_stream(fds[0], fds[0], FdOwner::stream, "client"), as_agent);
  const auto open = [&]() -> Result<std::unique_ptr<Connection>> {
    return connect(make_fd_stream(fds[1], fds[1], FdOwner::stream, "liar"));
  };
  Outcomes outcomes;
  TransferSession session(options(), open, outcomes.events(), clock_);
  Batch to = batch(Side::deploy);
  Operation& op = to.operations.emplace_back();
  op.kind = OpKind::remove;
  op.side = Side::deploy;
  op.path = "f";
  op.expected.kind = Kind::file;
  BatchResult lie;
  lie.results.emplace_back().id = op.id;
  lie.results[0].version = "1'; rm -rf ~; '";
  EXPECT_TRUE(session.submit("task", std::move(to)).ok());
  for (;;) {
    const Result<Frame> frame = agent.receive(10'000);
    ASSERT_TRUE(frame.ok()) << describe(frame.error());
    if (frame->type != FrameType::apply) continue;
    EXPECT_TRUE(agent.send(FrameType::results, frame->stream, encode(lie)).ok());
    break;
  }
  ASSERT_TRUE(outcomes.wait(1));
  EXPECT_EQ(outcomes.failed_["task"].code, ErrorCode::peer_violation);
}

// ---- damage on the way: a stream that flips bytes of chosen frames

/// Passes everything on; damages the first content frame that it writes.
class DamagingStream final : public ByteStream {
 public:
  enum class Kind { payload, head };  // a byte of the file, or the type of its data record
  DamagingStream(std::unique_ptr<ByteStream> inner, Kind kind) : inner_(std::move(inner)), kind_(kind) {}
  int read_fd() const override { return inner_->read_fd(); }
  int write_fd() const override { return inner_->write_fd(); }
  Result<size_t> read_some(char* out, size_t size) override { return inner_->read_some(out, size); }
  std::string describe() const override { return inner_->describe(); }
  Result<size_t> write_some(const char* data, size_t size) override {
    if (const size_t at = damaged_ ? std::string_view::npos : std::string_view(data, size).find(kMarker);
        at != std::string_view::npos) {
      std::string copy(data, size);
      copy[kind_ == Kind::payload ? at : at - 4] ^= 0x20;
      Result<size_t> taken = inner_->write_some(copy.data(), at + kMarker.size());
      damaged_ = taken.ok() && *taken > at;
      return taken;
    }
    return inner_->write_some(data, size);
  }
  static constexpr std::string_view kMarker = "DAMAGE-ME";

 private:
  std::unique_ptr<ByteStream> inner_;
  const Kind kind_;
  bool damaged_ = false;
};

TEST_F(Transfer, AWrongDigestFailsThatFileOnly) {
  Outcomes outcomes;
  const auto open = [&]() -> Result<std::unique_ptr<Connection>> {
    SYNC_ASSIGN(std::unique_ptr<ByteStream> stream, make_child_stream({TWSYNC_AGENT, "--stdio"}));
    auto connection = connect(std::make_unique<DamagingStream>(std::move(stream), DamagingStream::Kind::payload));
    SYNC_ASSIGN(const Greeting greeting, hello(*connection, test_hello(AgentRole::bulk, deploy_.path())));
    return connection;
  };
  TransferSession session(options(), open, outcomes.events(), clock_);
  Batch to = batch(Side::deploy);
  code_.write("a", "fine");
  code_.write("b", std::string(DamagingStream::kMarker));
  code_.write("c", "fine too");
  for (const char* path : {"a", "b", "c"}) put(to, path);
  const uint32_t bad = to.operations[1].id;
  EXPECT_TRUE(session.submit("task", std::move(to)).ok());
  ASSERT_TRUE(outcomes.wait(1));
  ASSERT_TRUE(outcomes.done_.contains("task")) << describe(outcomes.failed_["task"]);
  for (const OpResult& told : outcomes.done_["task"].results) {
    EXPECT_EQ(told.code, told.id == bad ? ErrorCode::corrupt : ErrorCode::ok) << told.message;
  }
  EXPECT_EQ(deploy_.read("a"), "fine");
  EXPECT_EQ(deploy_.read("c"), "fine too");
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("b")));
  Batch next = batch(Side::deploy);
  put(next, "b");
  EXPECT_TRUE(session.submit("again", std::move(next)).ok());
  ASSERT_TRUE(outcomes.wait(2));
  EXPECT_EQ(failures(outcomes.done_["again"]), 0U) << "the session went on";
}

TEST_F(Transfer, AStreamOutOfStepEndsTheSessionAfterItsResults) {
  Outcomes outcomes;
  const auto open = [&]() -> Result<std::unique_ptr<Connection>> {
    SYNC_ASSIGN(std::unique_ptr<ByteStream> stream, make_child_stream({TWSYNC_AGENT, "--stdio"}));
    auto connection = connect(std::make_unique<DamagingStream>(std::move(stream), DamagingStream::Kind::head));
    SYNC_ASSIGN(const Greeting greeting, hello(*connection, test_hello(AgentRole::bulk, deploy_.path())));
    return connection;
  };
  TransferSession session(options(), open, outcomes.events(), clock_);
  std::vector<Batch> batches;
  for (int b = 0; b < 4; ++b) {
    const std::string path = "f" + std::to_string(b);
    code_.write(path, b == 1 ? std::string(DamagingStream::kMarker) : path);
    put(batches.emplace_back(batch(Side::deploy)), path);
  }
  size_t taken = 0;
  for (Batch& to : batches) taken += session.submit(std::string(to.operations[0].path), std::move(to)).ok() ? 1 : 0;
  ASSERT_TRUE(outcomes.wait(taken));
  EXPECT_TRUE(outcomes.done_.contains("f0"));
  EXPECT_EQ(deploy_.read("f0"), "f0");
  EXPECT_FALSE(std::filesystem::exists(deploy_.at("f1")));
}

TEST_F(Transfer, ABatchBegunBeforeTheDamageWasSeenIsReportedToo) {
  std::mutex mutex;
  std::condition_variable told;
  std::set<uint64_t> reported;
  RootOptions root = options().code_root;
  auto applier = Applier::open(root, clock_, [&](BatchResult result) {
    const std::lock_guard lock(mutex);
    reported.insert(result.batch);
    told.notify_all();
  });
  ASSERT_TRUE(applier.ok());
  Batch bad = batch(Side::code), next = batch(Side::code);
  for (Batch* one : {&bad, &next}) {
    deploy_.write("f", "x");
    put(*one, "f");
  }
  const uint64_t bad_id = bad.id, next_id = next.id;
  ASSERT_TRUE((*applier)->begin(std::move(bad)).ok());
  ASSERT_TRUE((*applier)->content("no block at all").ok());
  (void)(*applier)->end();
  if (!(*applier)->begin(std::move(next)).ok()) return;  // seen already: nothing was begun
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(told.wait_for(lock, kPatience, [&] { return reported.contains(bad_id); }));
  }
  EXPECT_FALSE((*applier)->end().ok());
  EXPECT_FALSE((*applier)->drain().ok());
  EXPECT_TRUE(reported.contains(next_id));
}

}  // namespace
}  // namespace twsync::agent_test
