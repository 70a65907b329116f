#include "broker/task_router.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

class TaskRouterTest : public ::testing::Test {
 protected:
  void worker(const std::string& identity, const std::string& service, uint32_t credit,
              std::vector<std::string> pairs = {}) {
    workers_.add(identity, {service, std::move(pairs), credit, 1, "v"}, 0);
  }
  static Envelope envelope(MessageType type, const std::string& id, const std::string& pair = "p", uint64_t count = 0) {
    Envelope e;
    e.type = type;
    e.service = "scanner";
    e.pair = pair;
    e.id = id;
    e.count = count;
    return e;
  }
  void submit(const std::string& id, const std::string& pair = "p", const std::string& owner = "resolver") {
    router_.submit(owner, envelope(MessageType::task, id, pair), "body of " + id);
    router_.assign(0);
  }
  // "to:type:id" of everything that goes out.
  std::vector<std::string> out() {
    std::vector<std::string> lines;
    for (const Addressed& m : router_.take_outgoing()) {
      lines.push_back(m.to + ":" + std::to_string(static_cast<int>(m.envelope.type)) + ":" + m.envelope.id);
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  WorkerTable workers_;
  TaskRouter router_{workers_, {.waiting_tasks = 5, .waiting_bytes = 1000}};
};

TEST_F(TaskRouterTest, a_task_goes_to_a_worker_and_its_answers_come_back) {
  worker("w", "scanner", 1);
  submit("t1");
  EXPECT_EQ(out(), Lines{"w:40:t1"});
  router_.reply("w", envelope(MessageType::task_data, "t1"), "part");
  router_.control("resolver", envelope(MessageType::task_credit, "t1", "p", 4), "");
  router_.reply("w", envelope(MessageType::task_done, "t1"), "end");
  EXPECT_EQ(out(), (Lines{"resolver:41:t1", "w:42:t1", "resolver:43:t1"}));
  EXPECT_EQ(router_.in_flight(), 0U);
  EXPECT_EQ(workers_.find("w")->busy, 0U);
}

TEST_F(TaskRouterTest, credit_bounds_what_a_worker_holds_and_order_is_kept) {
  worker("w", "scanner", 2);
  for (const char* id : {"t1", "t2", "t3", "t4"}) submit(id);
  EXPECT_EQ(out(), (Lines{"w:40:t1", "w:40:t2"}));
  router_.reply("w", envelope(MessageType::task_done, "t1"), "");
  router_.assign(0);
  EXPECT_EQ(out(), (Lines{"resolver:43:t1", "w:40:t3"}));
}

TEST_F(TaskRouterTest, only_a_worker_of_that_service_and_pair_gets_it) {
  worker("other", "transfer", 9);
  worker("q-only", "scanner", 9, {"q"});
  submit("t1");
  EXPECT_TRUE(out().empty());
  submit("t2", "q");
  EXPECT_EQ(out(), Lines{"q-only:40:t2"}) << "a task that nobody can take does not hold up the next";
}

TEST_F(TaskRouterTest, a_dead_worker_loses_its_tasks_and_its_late_words_are_dropped) {
  worker("w", "scanner", 9);
  submit("t1");
  submit("t2");
  out();
  workers_.remove("w");
  router_.peer_gone("w");
  EXPECT_EQ(out(), (Lines{"resolver:45:t1", "resolver:45:t2"}));
  router_.reply("w", envelope(MessageType::task_done, "t1"), "");
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(router_.dropped(), 1U);
}

TEST_F(TaskRouterTest, a_dead_resolver_has_its_tasks_cancelled) {
  worker("w", "scanner", 1);
  submit("t1");
  submit("t2");
  out();
  router_.peer_gone("resolver");
  EXPECT_EQ(out(), Lines{"w:46:t1"});
  EXPECT_EQ(router_.waiting(), 0U);
  submit("t3", "p", "resolver2");
  EXPECT_EQ(out(), Lines{"w:40:t3"});
}

TEST_F(TaskRouterTest, a_cancelled_task_is_over_at_once) {
  worker("w", "scanner", 1);
  submit("t1");
  submit("t2");
  submit("t3");
  out();
  router_.control("resolver", envelope(MessageType::task_cancel, "t2"), "");
  router_.control("resolver", envelope(MessageType::task_cancel, "t1"), "");
  router_.assign(0);
  EXPECT_EQ(out(), (Lines{"w:46:t1", "w:40:t3"}));
  router_.reply("w", envelope(MessageType::task_done, "t1"), "");
  EXPECT_TRUE(out().empty());
}

TEST_F(TaskRouterTest, strangers_have_no_say) {
  worker("w", "scanner", 9);
  worker("w2", "scanner", 9);
  submit("t1");
  const std::string holder = out()[0].substr(0, 2) == "w:" ? "w" : "w2";
  const std::string stranger = holder == "w" ? "w2" : "w";
  router_.reply(stranger, envelope(MessageType::task_done, "t1"), "");
  router_.control("resolver2", envelope(MessageType::task_cancel, "t1"), "");
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(router_.dropped(), 2U);
  EXPECT_EQ(router_.in_flight(), 1U);
}

TEST_F(TaskRouterTest, an_id_in_flight_and_a_full_queue_are_refused) {
  for (const char* id : {"t1", "t2", "t3", "t4", "t5"}) submit(id);
  submit("t1");
  submit("t6");
  EXPECT_EQ(out(), (Lines{"resolver:44:t1", "resolver:44:t6"}));
  EXPECT_EQ(router_.waiting(), 5U);
}

TEST_F(TaskRouterTest, credit_given_while_waiting_follows_the_task) {
  submit("t1");
  router_.control("resolver", envelope(MessageType::task_credit, "t1", "p", 3), "");
  worker("w", "scanner", 1);
  router_.assign(0);
  const auto sent = router_.take_outgoing();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].body, "body of t1");
  EXPECT_EQ(sent[1].envelope.type, MessageType::task_credit);
  EXPECT_EQ(sent[1].envelope.count, 3U);
}

TEST_F(TaskRouterTest, work_is_spread) {
  worker("w1", "scanner", 9);
  worker("w2", "scanner", 9);
  for (const char* id : {"t1", "t2", "t3", "t4"}) submit(id);
  EXPECT_EQ(workers_.find("w1")->busy, 2U);
  EXPECT_EQ(workers_.find("w2")->busy, 2U);
}

TEST(WorkerTableTest, silence_is_noticed_but_not_our_own_absence) {
  WorkerTable workers;
  workers.add("w", {"scanner", {}, 1, 1, "v"}, 0);
  EXPECT_TRUE(workers.silent(kMissedBeats * kBeatNs).empty());
  EXPECT_EQ(workers.silent(kMissedBeats * kBeatNs + 1).size(), 1U);
  workers.forgive(kSecond);
  EXPECT_TRUE(workers.silent(kMissedBeats * kBeatNs + kSecond).empty());
}

}  // namespace
}  // namespace twsync
