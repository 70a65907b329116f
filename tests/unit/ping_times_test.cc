// When a session pings, rests and dies, by a clock of our own.

#include "common/ssh/ping_times.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

constexpr int64_t kPing = 5'000, kDead = 15'000, kRest = 20'000;

/// A client's and an agent's times, stepped together; a ping that is due is answered at once while `answered`.
struct Ends {
  PingTimes client{kPing, kDead, 0};
  PingTimes agent{0, kDead, 0};
  int64_t now = 0;
  int pings = 0;
  bool answered = true;

  void run(int64_t ms) {
    for (const int64_t end = now + ms; now < end; now += 100) {
      if (!client.ping_due(now)) continue;
      const int64_t promise = client.ping(now);
      ++pings;
      if (!answered) continue;
      agent.heard(now);
      agent.promised(promise);
      client.heard(now);
    }
  }
};

TEST(PingTimes, a_session_without_rest_pings_at_its_interval) {
  Ends ends;
  ends.run(60'000);
  EXPECT_EQ(ends.pings, 11);
  EXPECT_FALSE(ends.client.resting());
  EXPECT_FALSE(ends.agent.dead(ends.now));
}

TEST(PingTimes, an_idle_session_rests_and_the_agent_waits_for_the_promised_ping) {
  Ends ends;
  ends.client.set_rest(kRest);
  ends.run(600'000);
  EXPECT_LE(ends.pings, 31);
  EXPECT_TRUE(ends.client.resting());
  EXPECT_FALSE(ends.client.dead(ends.now));
  EXPECT_FALSE(ends.agent.dead(ends.now + 9'000));
  EXPECT_TRUE(ends.agent.dead(ends.now + kRest + 10'000));
}

TEST(PingTimes, a_frame_ends_the_rest_with_a_ping_at_once) {
  Ends ends;
  ends.client.set_rest(kRest);
  ends.run(119'000);
  const int pings = ends.pings;
  ends.client.carried(ends.now);
  EXPECT_FALSE(ends.client.dead(ends.now)) << "a long rest is no silence";
  ends.run(100);
  EXPECT_EQ(ends.pings, pings + 1);
  EXPECT_FALSE(ends.agent.resting());
  // Nobody answers any more: dead as fast as ever.
  ends.answered = false;
  ends.run(14'000);
  EXPECT_FALSE(ends.client.dead(ends.now));
  ends.run(1'100);
  EXPECT_TRUE(ends.client.dead(ends.now));
  EXPECT_TRUE(ends.agent.dead(ends.now));
}

TEST(PingTimes, an_unanswered_ping_of_the_rest_ends_the_session) {
  Ends ends;
  ends.client.set_rest(kRest);
  ends.run(60'000);
  ends.answered = false;
  const int pings = ends.pings;
  while (ends.pings == pings) ends.run(100);
  ends.run(9'800);
  EXPECT_FALSE(ends.client.dead(ends.now));
  ends.run(200);
  EXPECT_TRUE(ends.client.dead(ends.now));
}

TEST(PingTimes, no_promise_of_a_hostile_client_holds_an_agent_for_ever) {
  PingTimes agent(0, kDead, 0);
  agent.promised(INT64_MAX);
  EXPECT_TRUE(agent.dead(PingTimes::kLongestRestMs + 10'000));
  agent.promised(-5);
  EXPECT_TRUE(agent.dead(kDead));
  EXPECT_EQ(agent.next(), kDead);
}

TEST(PingTimes, without_timers_nothing_is_ever_due) {
  PingTimes times(0, 0, 0);
  EXPECT_EQ(times.next(), INT64_MAX);
  EXPECT_FALSE(times.ping_due(1'000'000));
  EXPECT_FALSE(times.dead(1'000'000));
}

}  // namespace
}  // namespace twsync
