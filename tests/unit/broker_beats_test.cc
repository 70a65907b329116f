// Broker and workers over a long time, with little to do: who rests is not taken for gone.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "broker/broker_core.h"
#include "common/wire/codec.h"
#include "common/zmq/beat_times.h"

namespace twsync {
namespace {

class BrokerBeatsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-beats-XXXXXX";
    dir_ = mkdtemp(name);
    CoreOptions options;
    options.queue_path = dir_ + "/queue.db";
    options.pairs = {"p"};
    core_ = std::move(BrokerCore::open(std::move(options), now_, now_)).value();
    for (const char* service : {"resolver", "scanner"}) {
      WorkerReady ready{service, {}, 4, 1, "v"};
      ready.rests = true;
      times_[service].opened(now_);
      say(service, MessageType::ready, encode(ready));
    }
  }
  void TearDown() override {
    core_.reset();
    std::filesystem::remove_all(dir_);
  }

  void say(const std::string& worker, MessageType type, std::string body, const std::string& id = {}) {
    Envelope envelope;
    envelope.type = type;
    envelope.service = "scanner";
    envelope.pair = "p";
    envelope.id = id;
    core_->begin_turn(now_, now_);
    core_->handle({BrokerSocket::back, worker, std::move(envelope), std::move(body)});
    end_turn();
  }
  void end_turn() {
    ASSERT_TRUE(core_->end_turn().ok());
    for (const Outgoing& message : core_->take_outgoing()) {
      EXPECT_NE(message.envelope.type, MessageType::goodbye) << message.peer;
      if (message.envelope.type == MessageType::heartbeat) {
        times_[message.peer].heard_beat(now_, heard_interval(message.envelope.count));
      } else {
        times_[message.peer].heard(now_);
      }
    }
    next_ = core_->next_deadline();
  }
  void run(int64_t span) {
    for (const int64_t end = now_ + span; now_ < end; now_ += 100 * kMillisecond) {
      if (now_ >= next_) {
        core_->begin_turn(now_, now_);
        end_turn();
      }
      for (auto& [worker, times] : times_) {
        EXPECT_FALSE(times.gone(now_, true)) << worker << " gives the broker up";
        if (!times.beat_due(now_)) continue;
        times.beaten(now_);
        Heartbeat beat;
        beat.asks = times.asks();
        say(worker, MessageType::heartbeat, encode(beat));
      }
    }
  }

  std::string dir_;
  std::unique_ptr<BrokerCore> core_;
  std::map<std::string, BeatTimes> times_;
  int64_t now_ = 1000 * kSecond;
  int64_t next_ = 0;
};

TEST_F(BrokerBeatsTest, who_rests_and_is_told_something_rests_again) {
  run(100 * kSecond);
  // As the resolver does without a lease, when it has everything flushed some time after a cycle.
  say("resolver", MessageType::task, "flush", "t1");
  now_ += 5 * kMillisecond;
  say("scanner", MessageType::task_done, "", "t1");
  run(60 * kSecond);
  // And what comes too late for anything.
  say("resolver", MessageType::task, "flush", "t2");
  say("scanner", MessageType::task_done, "", "t2");
  say("resolver", MessageType::task_credit, "", "t2");
  run(1'300 * kSecond);
}

}  // namespace
}  // namespace twsync
