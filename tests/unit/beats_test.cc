// How often broker and workers speak, and when their silence is an end: both ends stepped by a clock of our own.

#include <gtest/gtest.h>

#include "broker/worker_table.h"
#include "common/zmq/beat_times.h"

namespace twsync {
namespace {

WorkerReady resting_worker() {
  WorkerReady ready{"scanner", {}, 1, 1, "v"};
  ready.rests = true;
  return ready;
}

/// A broker's table with one worker, and that worker's times.
struct Ends {
  WorkerTable table;
  BeatTimes worker;
  int64_t now = 1000 * kSecond;
  int from_broker = 0, from_worker = 0;
  bool connected = true;

  explicit Ends(WorkerReady ready = resting_worker()) {
    table.add("w", std::move(ready), now);
    worker.opened(now);
  }
  void run(int64_t span) {
    for (const int64_t end = now + span; now < end; now += 100 * kMillisecond) step();
  }
  void step() {
    for (const auto& beat : table.take_beats(now)) {
      ++from_broker;
      if (connected) worker.heard_beat(now, heard_interval(told_interval(beat.interval)));
    }
    if (!worker.beat_due(now)) return;
    worker.beaten(now);
    ++from_worker;
    if (WorkerTable::Worker* entry = table.find("w"); connected && entry != nullptr) entry->seen = now;
  }
  bool silent() const { return !table.silent(now).empty(); }
};

TEST(Beats, with_nothing_in_flight_both_ends_rest) {
  Ends ends;
  ends.run(600 * kSecond);
  EXPECT_LE(ends.from_broker, 12);
  EXPECT_LE(ends.from_worker, 12);
  EXPECT_FALSE(ends.silent());
  EXPECT_FALSE(ends.worker.gone(ends.now, true));
}

TEST(Beats, those_that_rest_are_spoken_to_in_one_turn) {
  WorkerTable table;
  table.add("a", resting_worker(), 1'000 * kSecond);
  (void)table.take_beats(1'000 * kSecond);
  table.add("b", resting_worker(), 1'007 * kSecond);
  (void)table.take_beats(1'007 * kSecond);
  EXPECT_EQ(table.take_beats(table.next_beat()).size(), 2U);
}

TEST(Beats, a_worker_that_holds_something_beats_each_second_and_is_missed_after_three) {
  Ends ends;
  ends.run(119 * kSecond);
  ends.table.give(*ends.table.find("w"), ends.now);
  ends.worker.heard(ends.now);  // the task
  EXPECT_FALSE(ends.silent()) << "a long rest is no silence";
  const int before = ends.from_worker;
  ends.run(30 * kSecond);
  EXPECT_GE(ends.from_worker, before + 29);
  EXPECT_FALSE(ends.silent());
  ends.connected = false;
  ends.run(1'800 * kMillisecond);
  EXPECT_FALSE(ends.silent());
  ends.run(1'500 * kMillisecond);
  EXPECT_TRUE(ends.silent());
}

TEST(Beats, a_worker_that_hangs_while_it_rests_is_missed_as_soon_as_it_is_given_something) {
  Ends ends;
  ends.run(70 * kSecond);
  ends.connected = false;
  ends.table.give(*ends.table.find("w"), ends.now);
  ends.run(3 * kSecond);
  EXPECT_FALSE(ends.silent());
  ends.run(200 * kMillisecond);
  EXPECT_TRUE(ends.silent());
}

TEST(Beats, a_worker_rests_again_when_it_gave_everything_back) {
  Ends ends;
  ends.table.give(*ends.table.find("w"), ends.now);
  ends.run(10 * kSecond);
  ends.table.take_back("w");
  ends.run(2 * kSecond);
  EXPECT_EQ(ends.table.find("w")->interval, kRestBeatNs);
}

TEST(Beats, a_worker_that_does_not_say_so_never_rests) {
  Ends ends(WorkerReady{"scanner", {}, 1, 1, "v"});
  ends.run(60 * kSecond);
  EXPECT_GE(ends.from_broker, 59);
  ends.connected = false;
  ends.run(3'300 * kMillisecond);
  EXPECT_TRUE(ends.silent());
}

TEST(Beats, a_connection_that_ended_is_looked_for_at_once) {
  Ends ends;
  ends.run(70 * kSecond);
  ends.table.doubt(ends.now);
  EXPECT_EQ(ends.table.take_beats(ends.now).size(), 1U);
  EXPECT_EQ(ends.table.next_beat(), ends.now + kBeatNs) << "what is sent at first may still go unnoticed";
  EXPECT_FALSE(ends.silent());
  ends.run(10 * kSecond);
  EXPECT_EQ(ends.table.find("w")->interval, kRestBeatNs);
}

TEST(Beats, a_worker_asks_a_broker_that_came_back_at_once) {
  Ends ends;
  ends.run(70 * kSecond);
  ends.worker.connection_changed(ends.now);
  EXPECT_TRUE(ends.worker.asks());
  EXPECT_TRUE(ends.worker.beat_due(ends.now));
  EXPECT_FALSE(ends.worker.gone(ends.now + 3 * kSecond, false));
  EXPECT_TRUE(ends.worker.gone(ends.now + 3 * kSecond + 1, false));
  EXPECT_FALSE(ends.worker.gone(ends.now + 15 * kSecond, true)) << "it may wait for its disk";
  EXPECT_TRUE(ends.worker.gone(ends.now + 15 * kSecond + 1, true));
  ends.worker.heard_beat(ends.now, kRestBeatNs);
  EXPECT_FALSE(ends.worker.asks());
}

TEST(Beats, nobody_is_given_up_before_anyone_answered) {
  BeatTimes worker;
  worker.opened(0);
  EXPECT_FALSE(worker.gone(3600 * kSecond, false));
}

TEST(Beats, no_interval_of_a_lying_broker_is_obeyed) {
  EXPECT_EQ(heard_interval(0), kBeatNs);
  EXPECT_EQ(heard_interval(1), kBeatNs);
  EXPECT_EQ(heard_interval(UINT64_MAX), kRestBeatNs);
}

}  // namespace
}  // namespace twsync
