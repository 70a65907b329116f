#include "broker/job_queue.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace twsync {
namespace {

constexpr uint64_t kEpoch = 7;
const auto kAll = [](const std::string&) { return true; };

class JobQueueTest : public ::testing::Test {
 protected:
  JobQueueTest() {
    for (const char* pair : {"a", "b", "c"}) queue_.add_pair(pair, 0);
  }
  void hint(const std::string& pair, const std::string& path, HintSource source = HintSource::inotify,
            bool recursive = false) {
    queue_.add_hint({source, pair, Side::code, path, recursive, "", false}, ++row_, now_);
  }
  void request(const std::string& pair, const std::string& id, HintSource source = HintSource::manual) {
    Request request;
    request.id = id;
    request.pair = pair;
    request.source = source;
    queue_.add_request(request, now_);
  }
  std::string next() { return queue_.next_ready(now_, kAll).value_or("-"); }
  Lease lease(const std::string& pair) { return queue_.lease(pair, "w", now_); }
  void finish(uint64_t id) {
    ASSERT_TRUE(queue_.begin_end(id, "w"));
    queue_.finish_end(id, 1);
  }
  void fail_once(const std::string& pair, ErrorCode code = ErrorCode::io) {
    const Lease held = lease(pair);
    ASSERT_TRUE(queue_.fail(held.id, "w", {code, "no", {}, 0}, 0, now_));
    now_ = std::max(now_, queue_.next_deadline() == INT64_MAX ? now_ : queue_.next_deadline());
  }
  std::string state(const std::string& pair) { return queue_.status(pair, now_).state; }

  JobQueue queue_{{}, 1, kEpoch};
  int64_t now_ = 1000 * kSecond;
  uint64_t row_ = 0;
};

TEST_F(JobQueueTest, the_most_urgent_source_goes_first_then_the_oldest) {
  struct Row {
    HintSource a, b, c;
    const char* first;
  };
  const Row rows[] = {{HintSource::cron, HintSource::inotify, HintSource::manual, "c"},
                      {HintSource::cron, HintSource::git_hook, HintSource::inotify, "b"},
                      {HintSource::inotify, HintSource::inotify, HintSource::cron, "a"},
                      {HintSource::manual, HintSource::git_hook, HintSource::manual, "a"}};
  for (const Row& row : rows) {
    JobQueue queue({}, 1, kEpoch);
    int64_t now = now_;
    for (const auto& [pair, source] : {std::pair{"a", row.a}, {"b", row.b}, {"c", row.c}}) {
      queue.add_pair(pair, 0);
      queue.add_hint({source, pair, Side::code, "x", false, "", false}, 1, ++now);
    }
    EXPECT_EQ(queue.next_ready(now, kAll), row.first);
  }
}

TEST_F(JobQueueTest, who_waits_long_enough_is_lifted) {
  hint("a", "x", HintSource::cron);
  now_ += 100 * kSecond;
  hint("b", "x", HintSource::manual);
  EXPECT_EQ(next(), "a");
}

TEST_F(JobQueueTest, a_pair_has_one_lease_at_a_time_and_later_hints_wait) {
  hint("a", "x");
  const Lease first = lease("a");
  hint("a", "y");
  EXPECT_EQ(next(), "-");
  finish(first.id);
  EXPECT_EQ(next(), "a");
  const Lease second = lease("a");
  ASSERT_EQ(second.hints.size(), 1U);
  EXPECT_EQ(second.hints[0].path, "y");
}

TEST_F(JobQueueTest, lease_more_hands_over_what_came_since) {
  hint("a", "x");
  const Lease held = lease("a");
  hint("a", "y");
  EXPECT_FALSE(queue_.more("a", "stranger", held.id));
  EXPECT_FALSE(queue_.more("a", "w", held.id + 1));
  const auto more = queue_.more("a", "w", held.id);
  ASSERT_TRUE(more);
  ASSERT_EQ(more->hints.size(), 1U);
  EXPECT_EQ(more->hints[0].path, "y");
  const auto ending = queue_.begin_end(held.id, "w");
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->bound, row_);
}

TEST_F(JobQueueTest, a_parent_swallows_its_children) {
  for (int i = 0; i < 100; ++i) hint("a", str("d/", i));
  hint("a", "d", HintSource::inotify, true);
  hint("a", "d/later");
  const Lease held = lease("a");
  ASSERT_EQ(held.hints.size(), 1U);
  EXPECT_EQ(held.hints[0].path, "d");
  EXPECT_TRUE(held.hints[0].recursive);
}

TEST_F(JobQueueTest, one_path_from_several_producers_is_looked_at_once) {
  hint("a", "f", HintSource::inotify);
  hint("a", "f", HintSource::git_hook);
  hint("a", "f", HintSource::cron);
  const Lease held = lease("a");
  ASSERT_EQ(held.hints.size(), 1U);
  EXPECT_EQ(held.hints[0].path, "f");
}

TEST_F(JobQueueTest, both_ends_of_a_move_are_leased_together) {
  queue_.add_hint({HintSource::inotify, "a", Side::code, "new", true, "old", true}, ++row_, now_);
  const Lease held = lease("a");
  ASSERT_EQ(held.hints.size(), 2U);
  EXPECT_EQ(held.hints[0].path, "new");
  EXPECT_EQ(held.hints[1].path, "old");
}

TEST_F(JobQueueTest, stale_tokens_are_refused) {
  hint("a", "x");
  const Lease first = lease("a");
  EXPECT_EQ(first.id >> 32U, kEpoch);
  ASSERT_TRUE(queue_.fail(first.id, "w", {ErrorCode::io, "", {}, 0}, 1, now_));
  now_ += kSecond;
  const Lease second = lease("a");
  EXPECT_NE(first.id, second.id);
  EXPECT_FALSE(queue_.begin_end(first.id, "w"));
  EXPECT_FALSE(queue_.begin_end(second.id, "stranger"));
  EXPECT_TRUE(queue_.begin_end(second.id, "w"));
  EXPECT_FALSE(queue_.begin_end(second.id, "w")) << "an end is told once";
}

TEST_F(JobQueueTest, a_failed_lease_comes_back_whole_and_in_order) {
  request("a", "r1");
  request("a", "r2");
  hint("a", "x");
  const Lease first = lease("a");
  request("a", "r3");
  ASSERT_TRUE(queue_.fail(first.id, "w", {ErrorCode::io, "", {}, 0}, 0, now_));
  const Lease second = lease("a");
  ASSERT_EQ(second.requests.size(), 3U);
  EXPECT_EQ(second.requests[0].id, "r1");
  EXPECT_EQ(second.requests[2].id, "r3");
  EXPECT_EQ(second.hints.size(), 1U);
  EXPECT_EQ(second.attempt, 2U);
}

TEST_F(JobQueueTest, retries_wait_longer_and_longer_within_bounds) {
  hint("a", "x");
  int64_t expected = kSecond;
  for (int i = 0; i < 7; ++i) {
    const Lease held = lease("a");
    ASSERT_TRUE(queue_.fail(held.id, "w", {ErrorCode::io, "", {}, 0}, 0, now_));
    const int64_t wait = queue_.next_deadline() - now_;
    EXPECT_GE(wait, expected * 3 / 4);
    EXPECT_LE(wait, expected * 5 / 4 + 1);
    EXPECT_EQ(state("a"), "retrying");
    EXPECT_EQ(next(), "-");
    now_ = queue_.next_deadline();
    EXPECT_EQ(next(), "a");
    expected = std::min(expected * 2, 60 * kSecond);
  }
}

TEST_F(JobQueueTest, buried_after_eight_until_something_new_comes) {
  hint("a", "x");
  for (int i = 0; i < 8; ++i) fail_once("a");
  EXPECT_EQ(state("a"), "buried");
  now_ += 1000 * kSecond;
  EXPECT_EQ(next(), "-");

  queue_.add_leftover({HintSource::inotify, "a", Side::code, "z", false, "", false}, ++row_, now_);
  EXPECT_EQ(state("a"), "buried") << "what a failed lease left over is nothing new";
  hint("a", "y");
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(lease("a").hints.size(), 3U) << "what was buried goes along";
}

TEST_F(JobQueueTest, the_worlds_faults_are_retried_for_ever) {
  hint("a", "x");
  for (int i = 0; i < 50; ++i) fail_once("a", ErrorCode::unreachable);
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(queue_.status("a", now_).attempt, 50U);
}

TEST_F(JobQueueTest, a_server_that_is_away_is_asked_less_and_less_often) {
  JobQueue queue({}, 3, kEpoch);
  queue.add_pair("a", 0);
  queue.add_hint({HintSource::inotify, "a", Side::code, "x", false, "", false}, 1, 0);
  int64_t wait = 0;
  int64_t now = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Lease held = queue.lease("a", "w", now);
    EXPECT_TRUE(queue.fail(held.id, "w", {ErrorCode::unreachable, "", {}, 0}, 3 * kSecond, now));
    wait = queue.next_deadline() - now;
    EXPECT_GE(wait, 3 * kSecond);
    now = queue.next_deadline();
  }
  EXPECT_GE(wait, 45 * kSecond);
  EXPECT_LE(wait, 75 * kSecond);
}

TEST_F(JobQueueTest, a_manual_request_does_not_wait_for_a_retry) {
  hint("a", "x");
  fail_once("a");
  fail_once("a");
  const Lease held = lease("a");
  ASSERT_TRUE(queue_.fail(held.id, "w", {ErrorCode::io, "", {}, 0}, 3600 * kSecond, now_));
  hint("a", "y");
  EXPECT_EQ(next(), "-") << "a hint is no reason to hurry";
  request("a", "r");
  EXPECT_EQ(next(), "a");
}

TEST_F(JobQueueTest, a_lost_holder_gives_everything_back) {
  hint("a", "x");
  request("b", "r");
  queue_.lease("a", "dead", now_);
  queue_.lease("b", "dead", now_);
  EXPECT_EQ(queue_.lose_holder("dead", {ErrorCode::io, "gone", {}, 0}, now_).size(), 2U);
  now_ += 10 * kSecond;
  EXPECT_EQ(lease("b").requests.size(), 1U);
  EXPECT_EQ(lease("a").attempt, 2U);
}

TEST_F(JobQueueTest, an_end_that_is_being_journaled_can_not_be_lost) {
  hint("a", "x");
  const Lease held = lease("a");
  ASSERT_TRUE(queue_.begin_end(held.id, "w"));
  EXPECT_TRUE(queue_.lose_holder("w", {ErrorCode::io, "gone", {}, 0}, now_).empty());
  queue_.finish_end(held.id, 1);
  EXPECT_EQ(state("a"), "idle");
}

TEST_F(JobQueueTest, a_request_id_counts_once) {
  request("a", "r");
  request("a", "r");
  EXPECT_EQ(queue_.requests("a"), 1U);
  const Lease held = lease("a");
  request("a", "r");
  EXPECT_EQ(queue_.requests("a"), 0U);
  finish(held.id);
  EXPECT_FALSE(queue_.has_request("r"));
}

TEST_F(JobQueueTest, too_many_hints_collapse_and_the_journal_is_compacted) {
  for (int i = 0; i < 25'000; ++i) hint("a", str("d", i / 100, "/", i));
  const auto compaction = queue_.wants_compaction();
  ASSERT_TRUE(compaction);
  EXPECT_LE(compaction->hints.size(), 10'000U);
  queue_.compacted("a", ++row_);
  EXPECT_FALSE(queue_.wants_compaction());
  const Lease held = lease("a");
  EXPECT_LE(held.hints.size(), 10'000U);
  EXPECT_EQ(queue_.begin_end(held.id, "w")->bound, row_);
}

TEST_F(JobQueueTest, a_pair_is_busy_since_it_was_last_idle) {
  JobQueue queue({}, 3, kEpoch);
  const Hint hint{HintSource::inotify, "a", Side::code, "x", false, "", false};
  queue.add_pair("a", 0);
  EXPECT_EQ(queue.status("a", 5 * kSecond).busy_ms, 5000) << "never done";
  queue.set_last_done("a", 1);
  EXPECT_EQ(queue.status("a", 5 * kSecond).busy_ms, 0) << "idle";
  queue.add_hint(hint, 1, 10 * kSecond);
  const Lease first = queue.lease("a", "w", 12 * kSecond);
  EXPECT_EQ(queue.status("a", 13 * kSecond).busy_ms, 3000);
  EXPECT_TRUE(queue.fail(first.id, "w", {ErrorCode::io, "", {}, 0}, 0, 14 * kSecond));
  EXPECT_EQ(queue.status("a", 20 * kSecond).busy_ms, 10'000) << "what failed waits on";
  const Lease second = queue.lease("a", "w", 20 * kSecond);
  queue.begin_end(second.id, "w");
  queue.finish_end(second.id, 2);
  EXPECT_EQ(queue.status("a", 30 * kSecond).busy_ms, 0);
  queue.add_hint(hint, 2, 40 * kSecond);
  EXPECT_EQ(queue.status("a", 41 * kSecond).busy_ms, 1000) << "after a rest it counts anew";
}

TEST_F(JobQueueTest, the_same_seed_gives_the_same_run) {
  const auto run = [](uint64_t seed) {
    JobQueue queue({}, seed, kEpoch);
    queue.add_pair("a", 0);
    queue.add_hint({HintSource::inotify, "a", Side::code, "x", false, "", false}, 1, 0);
    std::vector<int64_t> waits;
    for (int64_t now = 0; waits.size() < 6; now = waits.back()) {
      const Lease held = queue.lease("a", "w", now);
      EXPECT_TRUE(queue.fail(held.id, "w", {ErrorCode::io, "", {}, 0}, 0, now));
      waits.push_back(queue.next_deadline());
    }
    return waits;
  };
  EXPECT_EQ(run(3), run(3));
  EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace twsync
