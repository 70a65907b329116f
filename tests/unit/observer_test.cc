// Metrics as text; which programs are run for which events.

#include <gtest/gtest.h>

#include <condition_variable>

#include "common/app/audit_log.h"
#include "common/base/json_object.h"
#include "common/app/event_text.h"
#include "common/app/staleness.h"
#include "common/base/clock.h"
#include "producers/observer/event_commands.h"
#include "producers/observer/metrics_server.h"
#include "producers/observer/observer.h"

namespace twsync {
namespace {

Event cycle(const std::string& pair, uint64_t operations, EventKind kind = EventKind::cycle) {
  Event event;
  event.kind = kind;
  event.pair = pair;
  event.summary.emplace();
  event.summary->operations = operations;
  event.summary->in_sync = true;
  event.summary->bytes_sent = 10;
  event.summary->duration_ns = 1'500'000'000;
  return event;
}

TEST(Metrics, counts_cycles_and_shows_how_pairs_stand) {
  Metrics metrics({"web", "docs"});
  metrics.take(cycle("web", 3));
  metrics.take(cycle("web", 4, EventKind::summary));
  metrics.take(cycle("unknown", 9));
  Event dry = cycle("web", 5);
  dry.summary->dry_run = true;
  metrics.take(dry);
  PairHealth health;
  health.status.pair = "web";
  health.status.hints_waiting = 7;
  health.status.watch = "code: live; deploy: live";
  health.stale = true;
  metrics.take(true, {health},
               {{"resolver", "1", "", 42, 0}, {"transfer", "1", "", 43, 0}, {"transfer", "1", "", 43, 0}});
  const std::string text = exposition_text(metrics.families());
  for (const char* line :
       {"twsync_broker_up 1\n", "twsync_cycles_total{pair=\"web\"} 2\n", "twsync_operations_total{pair=\"web\"} 7\n",
        "twsync_cycle_seconds_total{pair=\"web\"} 3\n", "twsync_cycles_total{pair=\"docs\"} 0\n",
        "twsync_in_sync{pair=\"web\"} 1\n", "twsync_stale{pair=\"web\"} 1\n", "twsync_waiting_hints{pair=\"web\"} 7\n",
        "twsync_watch_live{pair=\"web\"} 1\n", "twsync_watch_live{pair=\"docs\"} 0\n",
        "twsync_workers{service=\"resolver\"} 1\n", "twsync_workers{service=\"transfer\"} 2\n",
        "twsync_workers{service=\"monitor\"} 0\n", "# TYPE twsync_operations_total counter\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  metrics.take(false, {}, {});
  EXPECT_NE(exposition_text(metrics.families()).find("twsync_broker_up 0\n"), std::string::npos);
}

TEST(Staleness, table) {
  PairStatus status;
  status.state = "idle";
  const int64_t now = 100'000 * kSecond;
  const int64_t lately = now - 60 * kSecond;
  const int64_t long_ago = now - 3600 * kSecond;
  constexpr int64_t kMinuteMs = 60'000;
  EXPECT_FALSE(is_stale(&status, long_ago, 10, now)) << "nothing waits";
  EXPECT_FALSE(is_stale(&status, 0, 10, now)) << "never, and the service has just started";
  status.busy_ms = 11 * kMinuteMs;
  EXPECT_TRUE(is_stale(&status, 0, 10, now)) << "never";
  status.state = "running";
  EXPECT_FALSE(is_stale(&status, 0, 10, now)) << "the first sync is on its way";
  EXPECT_TRUE(is_stale(&status, long_ago, 10, now));
  EXPECT_FALSE(is_stale(&status, lately, 10, now));
  EXPECT_FALSE(is_stale(&status, long_ago, 100, now));
  status.busy_ms = 9 * kMinuteMs;
  EXPECT_FALSE(is_stale(&status, long_ago, 10, now)) << "after a rest, the first edit waits for a moment";
  status.state = "buried";
  EXPECT_TRUE(is_stale(&status, lately, 10, now));
  EXPECT_TRUE(is_stale(nullptr, long_ago, 10, now));
  EXPECT_FALSE(is_stale(nullptr, lately, 10, now));
}

TEST(Staleness, a_process_that_starts_again_is_no_alarm) {
  PairStatus status;
  status.state = "idle";
  status.missing = "transfer";
  status.missing_ms = 2'000;
  const int64_t now = 100'000 * kSecond;
  EXPECT_FALSE(is_stale(&status, now, 10, now));
  status.missing_ms = 31'000;
  EXPECT_TRUE(is_stale(&status, now, 10, now));
}

TEST(NextLook, seldom_at_rest_and_soon_while_something_may_go_stale) {
  const auto after = [](const std::vector<PairHealth>& pairs, bool answered = true) {
    return (next_look_ns(pairs, answered, 5 * kSecond) - 5 * kSecond) / kSecond;
  };
  PairHealth idle;
  idle.status.state = "idle";
  const PairHealth not_served;
  EXPECT_EQ(after({idle, not_served}), 60);
  EXPECT_EQ(after({idle}, false), 2) << "the broker is away";
  PairHealth busy[5] = {idle, idle, idle, idle, idle};
  busy[0].status.state = "retrying";
  busy[1].status.missing = "transfer";
  busy[2].status.hints_waiting = 1;
  busy[3].status.requests_waiting = 1;
  busy[4].stale = true;
  for (const PairHealth& one : busy) EXPECT_EQ(after({idle, one}), 10);
}

TEST(ProgramRun, goes_through_systemd_where_it_can) {
  ProgramRun run;
  run.command = {"/usr/local/bin/told", "an argument"};
  run.variables = {{"TWSYNC_PAIR", "web"}};
  run.unit = "twsync-post-sync-web";
  EXPECT_EQ(program_words(run, false), run.command);
  const auto words = program_words(run, true);
  EXPECT_EQ(words[0], "/usr/bin/systemd-run");
  EXPECT_EQ(std::count(words.begin(), words.end(), "--unit=twsync-post-sync-web"), 1);
  EXPECT_EQ(std::count(words.begin(), words.end(), "--setenv=TWSYNC_PAIR=web"), 1);
  EXPECT_EQ(words.back(), "an argument");
  EXPECT_EQ(words[words.size() - 4], "--");
  EXPECT_EQ(words[words.size() - 3], "/usr/bin/env");
}

TEST(ProgramRun, tells_how_it_ended) {
  const auto never = [] { return false; };
  EXPECT_EQ(*run_program({{"/bin/sh", "-c", "exit $CODE"}, {{"CODE", "7"}}, ""}, never), 7);
  EXPECT_EQ(*run_program({{"/bin/sh", "-c", "kill -9 $$"}, {}, ""}, never), 128 + 9);
  EXPECT_EQ(run_program({{"/bin/sleep", "60"}, {}, ""}, [] { return true; }).error().code, ErrorCode::cancelled);
  if (!runs_systemd()) {
    EXPECT_FALSE(run_program({{"/no/such/program"}, {}, ""}, never).ok());
  }
}

/// Programs that run until they are let go.
struct Held {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<ProgramRun> begun;
  size_t allowed = 0;
  Result<int> run(const ProgramRun& program, const std::function<bool()>& stop) {
    std::unique_lock lock(mutex);
    begun.push_back(program);
    changed.notify_all();
    while (begun.size() > allowed && !stop()) changed.wait_for(lock, std::chrono::milliseconds(10));
    return 0;
  }
  void wait_for(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return begun.size() >= count; });
  }
  void allow(size_t count) {
    const std::lock_guard lock(mutex);
    allowed = count;
    changed.notify_all();
  }
};

std::string variable(const ProgramRun& run, const std::string& name) {
  for (const auto& [key, value] : run.variables) {
    if (key == name) return value;
  }
  return "(none)";
}

TEST(EventCommands, syncs_that_end_meanwhile_are_one_run) {
  PairConfig pair;
  pair.name = "web";
  pair.post_sync_command = {"/bin/told"};
  Held held;
  EventCommands commands(pair,
                         [&](const ProgramRun& run, const std::function<bool()>& stop) { return held.run(run, stop); });
  commands.take(cycle("docs", 5));
  commands.take(cycle("web", 0));
  commands.take(cycle("web", 2));
  held.wait_for(1);
  commands.take(cycle("web", 3));
  commands.take(cycle("web", 4));
  held.allow(2);
  held.wait_for(2);
  const std::lock_guard lock(held.mutex);
  ASSERT_EQ(held.begun.size(), 2U);
  EXPECT_EQ(variable(held.begun[0], "TWSYNC_OPERATIONS"), "2");
  EXPECT_EQ(variable(held.begun[1], "TWSYNC_OPERATIONS"), "7");
  EXPECT_EQ(variable(held.begun[1], "TWSYNC_PAIR"), "web");
}

TEST(EventCommands, conflicts_are_told_one_by_one_up_to_a_bound) {
  PairConfig pair;
  pair.name = "web";
  pair.on_conflict_command = {"/bin/told"};
  Held held;
  EventCommands commands(pair,
                         [&](const ProgramRun& run, const std::function<bool()>& stop) { return held.run(run, stop); });
  Event conflict;
  conflict.kind = EventKind::conflict;
  conflict.pair = "web";
  conflict.path = "a\nb";
  conflict.item = "c1";
  commands.take(conflict);
  held.wait_for(1);
  for (int i = 0; i < 150; ++i) commands.take(conflict);
  held.allow(1000);
  held.wait_for(101);
  const std::lock_guard lock(held.mutex);
  EXPECT_EQ(variable(held.begun[0], "TWSYNC_PATH"), "a\\nb");
  EXPECT_EQ(variable(held.begun[0], "TWSYNC_ID"), "c1");
  EXPECT_EQ(variable(held.begun[50], "TWSYNC_MORE_CONFLICTS"), "0");
  EXPECT_EQ(variable(held.begun[100], "TWSYNC_MORE_CONFLICTS"), "50");
}

TEST(AuditLine, says_who_why_and_from_what_to_what) {
  Operation op;
  op.kind = OpKind::put_file;
  op.side = Side::deploy;
  op.path = "a\nb";
  op.expected.kind = Kind::file;
  op.expected.size = 3;
  op.expected.mode = 0644;
  OpResult result;
  result.target.kind = Kind::file;
  result.target.size = 5;
  result.target.mode = 0600;
  result.version = "v1";
  const std::string line = format_audit_line({"web", "manual root", "conflict R23", 7, 1'500'000'000}, op, result);
  EXPECT_EQ(line,
            R"({"at":"1970-01-01T00:00:01.500Z","pair":"web","cycle":7,"asked_by":"manual root","why":"conflict R23",)"
            R"("operation":")" +
                std::string(to_string(OpKind::put_file)) +
                R"(","side":"deploy","path":"a\u000ab",)"
                R"("from":{"kind":"file","size":3,"mode":"0644","mtime":"1970-01-01T00:00:00.000Z"},)"
                R"("to":{"kind":"file","size":5,"mode":"0600","mtime":"1970-01-01T00:00:00.000Z"},"version":"v1"})");
}

TEST(AuditLine, any_time_can_be_told) {
  EXPECT_EQ(utc_text(INT64_MIN), "1677-09-21T00:12:43.145Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(utc_text(1'709'210'096'007'999'999), "2024-02-29T12:34:56.007Z");
  EXPECT_EQ(utc_text(INT64_MAX), "2262-04-11T23:47:16.854Z");
}

TEST(AuditLine, what_a_literal_cannot_hold_is_escaped) {
  EXPECT_EQ(json_text("plain ~ text"), R"("plain ~ text")");
  EXPECT_EQ(json_text("a\"b\\c\x7F\x1F"), R"("a\"b\\c\u007f\u001f")");
  EXPECT_EQ(json_text("\xC3\xA4"), "\"\xC3\xA4\"");
  EXPECT_EQ(json_text("\xE2\x80\xAE"), R"("\u202e")");
  EXPECT_EQ(json_text("\xFF"), R"("\\xff")");
}

TEST(EventJson, cookies_are_for_processes_only) {
  Event event;
  event.kind = EventKind::cookie;
  EXPECT_EQ(event_json(event), "");
  event.kind = EventKind::conflict;
  event.pair = "web";
  event.path = "p";
  event.text = "t";
  event.item = "c";
  EXPECT_EQ(
      event_json(event),
      R"({"event":"conflict","at":"1970-01-01T00:00:00.000Z","pair":"web","cycle":0,"path":"p","id":"c","text":"t"})");
}

}  // namespace
}  // namespace twsync
