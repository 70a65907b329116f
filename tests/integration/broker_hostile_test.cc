// Peers that lie, don't read, or should not be there.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <utility>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/zmq/zap.h"
#include "tests/integration/broker_harness.h"

namespace twsync {
namespace {

class BrokerHostileTest : public ::testing::TestWithParam<bool> {
 protected:
  BrokerHostileTest() : h_(GetParam()) {}
  BrokerHarness h_;
};

INSTANTIATE_TEST_SUITE_P(Transport, BrokerHostileTest, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "ipc" : "inproc"; });

// Every kind of message with a valid or a made up body, cut, flipped, or with frames missing or added.
class Garbage {
 public:
  explicit Garbage(uint64_t seed) : random_(seed) {}
  std::vector<std::string> next() {
    Envelope envelope;
    envelope.type = static_cast<MessageType>(below(50));
    envelope.pair = below(2) == 0 ? "web" : "nowhere";
    envelope.id = below(3) == 0 ? "" : "id";
    envelope.service = "scanner";
    std::vector<std::string> frames{encode(envelope), body()};
    switch (below(6)) {
      case 0:
        frames.pop_back();
        break;
      case 1:
        frames.emplace_back();
        break;
      case 2:
        damage(frames[0]);
        break;
      case 3:
        frames = {noise(), noise()};
        break;
      case 4:
        frames.assign(below(30) + 1, noise());
        break;
      default:
        damage(frames[1]);
        break;
    }
    return frames;
  }

 private:
  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  std::string noise() {
    std::string bytes(below(64), '\0');
    for (char& c : bytes) c = static_cast<char>(below(256));
    return bytes;
  }
  std::string body() {
    Hint hint = hint_at("../../etc");
    hint.side = static_cast<Side>(below(256));
    switch (below(7)) {
      case 0:
        return encode(Publish{{hint}, {}});
      case 1:
        return encode(LeaseDone{below(1000), true, 0, {hint}, {}});
      case 2:
        return encode(Lease{});
      case 3:
        return encode(Event{});
      // An array that claims to have four thousand million elements.
      case 4:
        return std::string("\xdd\xff\xff\xff\xff", 5);
      case 5:
        return std::string(2000, '\x91');
      default:
        return noise();
    }
  }
  void damage(std::string& bytes) {
    if (bytes.empty()) return;
    if (below(2) == 0) {
      bytes.resize(below(bytes.size()));
    } else {
      bytes[below(bytes.size())] = static_cast<char>(below(256));
    }
  }
  std::mt19937_64 random_;
};

TEST_P(BrokerHostileTest, garbage_on_every_socket_changes_nothing) {
  h_.start();
  auto client = h_.client();
  auto resolver = h_.worker("resolver");
  ASSERT_TRUE(client->publish({{hint_at("x")}, {}}, "", 5000).ok());
  const Lease lease = await_lease(*resolver);
  const auto told = [](PairStatus status) {
    status.missing_ms = status.busy_ms = 0;  // they count on
    return encode(status);
  };
  const std::string before = told(web_status(*client));

  const std::string& front = h_.options.endpoints.front;
  const std::string& back = h_.options.endpoints.back;
  uint64_t seed = 1;
  for (const std::string& endpoint : {front, back, h_.options.endpoints.pub}) {
    auto socket = open_dealer(h_.context, endpoint, "liar");
    ASSERT_TRUE(socket.ok());
    Garbage garbage(seed++);
    const auto finished = [&, left = 3000]() mutable {
      for (; left > 0; --left) {
        const auto frames = garbage.next();
        if (*socket->send({frames.begin(), frames.end()}) != SendOutcome::sent) break;
        std::vector<std::string> answer;
        EXPECT_TRUE(socket->receive(answer).ok());
      }
      return left == 0;
    };
    // A PUB socket takes nothing from a DEALER: there it is enough to have knocked.
    const bool sent = serve_until(*resolver, finished, endpoint == h_.options.endpoints.pub ? 500 : 10'000 * kPatience);
    EXPECT_TRUE(sent || endpoint == h_.options.endpoints.pub);
  }
  auto after_garbage = h_.client();
  EXPECT_EQ(told(web_status(*after_garbage)), before);
  EXPECT_GT(h_.broker->dropped(), 1000U);
  end_lease(*resolver, lease.id);
  EXPECT_TRUE(serve_until(*resolver, [&] { return web_status(*after_garbage).state == "idle"; }))
      << "the lease is still its holder's";
}

TEST_P(BrokerHostileTest, a_client_that_does_not_read_loses_operations_but_not_the_summary) {
  h_.options.client_soft_bytes = 1U << 20U;
  h_.start();
  auto other = h_.client();
  auto resolver = h_.worker("resolver");
  auto slow = h_.client();
  ASSERT_TRUE(slow->request(sync_request("r1"), 5000).ok());
  const Lease lease = await_lease(*resolver);
  const std::string text(4000, 'x');
  constexpr int kEvents = 20'000;
  for (int i = 0; i < kEvents; ++i) post_event(*resolver, "r1", EventKind::operation, text);
  post_event(*resolver, "r1", EventKind::summary);
  end_lease(*resolver, lease.id);
  ASSERT_TRUE(serve_until(*resolver, [&] { return web_status(*other).state == "idle"; })) << "nobody waits for it";

  int operations = 0;
  bool note = false;
  std::optional<Event> last;
  while (!last || last->kind != EventKind::summary) {
    auto event = slow->next_event(5000);
    ASSERT_TRUE(event.ok() && event->has_value());
    last = *event;
    operations += last->kind == EventKind::operation ? 1 : 0;
    note = note || (last->kind == EventKind::note && last->text.find("left out") != std::string::npos);
  }
  EXPECT_LT(operations, kEvents);
  EXPECT_TRUE(note);
}

class BrokerIpcTest : public ::testing::Test {
 protected:
  BrokerIpcTest() : h_(true) {}
  BrokerHarness h_;
};

TEST_F(BrokerIpcTest, a_second_broker_in_the_same_runtime_directory_is_refused) {
  h_.start();
  BrokerOptions second = h_.options;
  second.core.queue_path = h_.dir + "/other.db";
  auto refused = Broker::open(h_.context, second, h_.clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_TRUE(h_.client()) << "the first one kept its sockets";
}

TEST_F(BrokerIpcTest, sockets_are_private_whatever_the_umask) {
  const mode_t old = ::umask(0);
  h_.start();
  ::umask(old);
  for (const char* name : {"front.sock", "back.sock", "pub.sock"}) {
    struct stat st {};
    ASSERT_EQ(::stat((h_.dir + "/" + name).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 077U, 0U) << name;
  }
}

TEST_F(BrokerIpcTest, a_runtime_directory_with_too_long_a_name_is_refused) {
  h_.options.endpoints = ipc_endpoints(h_.dir + "/" + std::string(100, 'd'));
  auto refused = Broker::open(h_.context, h_.options, h_.clock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::usage);
}

TEST_F(BrokerIpcTest, no_broker_is_told_at_once) {
  SystemClock clock;
  const int64_t before = clock.steady_ns();
  auto none = BrokerClient::connect(h_.context, h_.options.endpoints, 5000);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::unreachable);
  EXPECT_LT(clock.steady_ns() - before, kSecond);
}

/// Another user, with rights on the socket file: only the ZAP gate stands between. Made before any thread is: a child
/// of a process with threads may not start its own.
class Visitor {
 public:
  /// `visit` says what the process ends with: 0 or a small number.
  using Visit = std::function<int(ZmqContext& context)>;
  Visitor(uid_t uid, gid_t gid, const Visit& visit) {
    SYNC_CHECK(::pipe(go_) == 0, "pipe");
    child_ = ::fork();
    if (child_ != 0) return;
    char go = 0;
    if (::setgid(gid) != 0 || ::setuid(uid) != 0 || ::read(go_[0], &go, 1) != 1) ::_exit(9);
    ZmqContext context;
    ::_exit(visit(context));
  }
  Visitor(uid_t uid, gid_t gid, const BrokerEndpoints& endpoints)
      : Visitor(uid, gid, [&endpoints](ZmqContext& context) {
          return BrokerClient::connect(context, endpoints, 1500 * kPatience).ok() ? 0 : 1;
        }) {}
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  ~Visitor() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(go_[0]);
    ::close(go_[1]);
  }
  int visits() {
    EXPECT_EQ(::write(go_[1], "", 1), 1);
    int status = 0;
    ::waitpid(std::exchange(child_, -1), &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status);
  }
  bool is_let_in() {
    const int end = visits();
    EXPECT_LE(end, 1);
    return end == 0;
  }

 private:
  int go_[2] = {-1, -1};
  pid_t child_ = -1;
};

TEST_F(BrokerIpcTest, another_user_is_refused_by_uid_unless_the_group_may) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const auto open_files = [&] {
    ASSERT_EQ(::chmod(h_.dir.c_str(), 0755), 0);
    ASSERT_EQ(::chmod((h_.dir + "/front.sock").c_str(), 0777), 0);
  };
  Visitor nobody(65534, 65534, h_.options.endpoints), root(0, 0, h_.options.endpoints);
  Visitor member(65534, 65534, h_.options.endpoints);
  h_.start();
  open_files();
  EXPECT_FALSE(nobody.is_let_in());
  EXPECT_TRUE(root.is_let_in());
  h_.kill();
  h_.options.allow_gid = 65534;
  h_.start();
  ASSERT_EQ(::chmod(h_.dir.c_str(), 0755), 0);
  EXPECT_TRUE(member.is_let_in());
}

TEST_F(BrokerIpcTest, a_member_of_the_group_may_publish_and_ask_and_nothing_more) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  h_.options.allow_gid = 65534;
  Visitor member(65534, 65534, [this](ZmqContext& context) {
    auto client = BrokerClient::connect(context, h_.options.endpoints, 10'000);
    if (!client) return 1;
    Publish hints;
    hints.hints.emplace_back().pair = h_.options.core.pairs.front();
    Request request;
    request.id = "r1";
    request.pair = h_.options.core.pairs.front();
    const bool published = (*client)->publish(hints, "k", 10'000).ok();
    const bool answered = (*client)->status(StatusQuery{}, 10'000).ok();
    const Status asked = (*client)->request(request, 10'000);
    Publish watch;
    watch.watch.emplace_back().pair = h_.options.core.pairs.front();
    const Status pretended = (*client)->publish(watch, "", 10'000);
    const bool refused =
        !asked && asked.error().code == ErrorCode::denied && !pretended && pretended.error().code == ErrorCode::denied;
    return !published ? 2 : !answered ? 3 : !refused ? 4 : 0;
  });
  h_.start();
  EXPECT_EQ(member.visits(), 0);
  struct stat st {};
  ASSERT_EQ(::stat(h_.dir.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777U, 0750U);
}

TEST(ZapTest, addresses_are_read_from_the_end) {
  PeerCredentials peer;
  EXPECT_TRUE(parse_peer_address("localhost:1000:100:4242", peer));
  EXPECT_EQ(peer.uid, 1000U);
  EXPECT_EQ(peer.gid, 100U);
  for (const char* bad : {"", "localhost", "1000:100", "a:b:c:d", "localhost:-1:0:0", "localhost:99999999999:0:0"}) {
    EXPECT_FALSE(parse_peer_address(bad, peer)) << bad;
  }
}

}  // namespace
}  // namespace twsync
