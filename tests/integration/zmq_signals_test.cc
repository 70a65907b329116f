// A signal may arrive at any moment of any call of a socket: a reload asked for again and again, a timer, a profiler.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>

#include "common/base/text.h"
#include "common/zmq/zmq_socket.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

/// SIGALRM each 20 microseconds, handled without SA_RESTART.
class Disturbance {
 public:
  Disturbance() {
    struct sigaction ignore_it {};
    ignore_it.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &ignore_it, &before_);
    set_interval(20);
  }
  ~Disturbance() {
    set_interval(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void set_interval(int microseconds) {
    const itimerval every{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  struct sigaction before_ {};
};

TEST(ZmqSignals, SocketsComeUpAndCarryWholeMessagesWhileSignalsRain) {
  const TempDir dir;
  ZmqContext context;
  const Disturbance rain;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const std::string endpoint = str("ipc://", dir.path(), "/", std::to_string(round));
    auto router = ZmqSocket::open(context, SocketKind::router, {});
    auto dealer = ZmqSocket::open(context, SocketKind::dealer, {});
    ASSERT_TRUE(router.ok() && dealer.ok());
    const Status bound = router->bind(endpoint);
    ASSERT_TRUE(bound.ok()) << describe(bound.error());
    const Status watched = dealer->watch_connections(context);
    ASSERT_TRUE(watched.ok()) << describe(watched.error());
    const Status connected = dealer->connect(endpoint);
    ASSERT_TRUE(connected.ok()) << describe(connected.error());

    for (;;) {
      auto sent = dealer->send({"one", "two", "three"});
      ASSERT_TRUE(sent.ok()) << describe(sent.error());
      if (*sent == SendOutcome::sent) break;
      std::vector<PollItem> until_connected{{&*dealer, -1, true, false, false}};
      ASSERT_TRUE(poll_sockets(until_connected, 1000).ok());
    }
    std::vector<std::string> frames;
    for (bool got = false; !got;) {
      std::vector<PollItem> until_there{{&*router, -1, false, false, false}};
      ASSERT_TRUE(poll_sockets(until_there, 1000).ok());
      auto received = router->receive(frames);
      ASSERT_TRUE(received.ok()) << describe(received.error());
      got = *received;
    }
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(frames[3], "three");
  }
}

}  // namespace
}  // namespace twsync
