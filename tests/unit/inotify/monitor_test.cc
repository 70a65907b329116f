#include "common/app/event_text.h"
#include "producers/inotify/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "producers/inotify/event_log.h"
#include "producers/inotify/hint_outbox.h"

namespace twsync {
namespace {

Hint hint(const std::string& path, bool recursive = false) {
  Hint out;
  out.path = path;
  out.recursive = recursive;
  return out;
}

TEST(HintOutbox, every_pair_on_a_root_gets_every_hint) {
  HintOutbox outbox;
  outbox.add_root("/r", {"a", "b"});
  outbox.add("/r", {hint("x"), hint("y")});
  outbox.set_state("/r", "live");
  Publish message;
  ASSERT_TRUE(outbox.take(message, 0));
  std::vector<std::string> got;
  for (const auto& h : message.hints) got.push_back(h.pair + ":" + h.path);
  EXPECT_THAT(got, testing::ElementsAre("a:x", "a:y", "b:x", "b:y"));
  ASSERT_EQ(message.watch.size(), 2u);
  EXPECT_EQ(message.watch[1].state, "live");
  outbox.sent();
  EXPECT_FALSE(outbox.take(message, 0));
}

TEST(HintOutbox, what_failed_goes_again_before_what_came_later) {
  HintOutbox outbox;
  outbox.add_root("/r", {"a"});
  outbox.add("/r", {hint("x")});
  Publish message;
  ASSERT_TRUE(outbox.take(message, 0));
  outbox.add("/r", {hint("y")});
  outbox.failed();
  ASSERT_TRUE(outbox.take(message, 0));
  ASSERT_EQ(message.hints.size(), 2u);
  EXPECT_EQ(message.hints[0].path, "x");
}

TEST(HintOutbox, it_is_bounded) {
  HintOutbox outbox(10);
  outbox.add_root("/r", {"a"});
  for (int i = 0; i < 11; ++i) outbox.add("/r", {hint("f" + std::to_string(i))});
  Publish message;
  ASSERT_TRUE(outbox.take(message, 0));
  ASSERT_EQ(message.hints.size(), 1u);
  EXPECT_EQ(message.hints[0].path, "");
  EXPECT_TRUE(message.hints[0].recursive);
}

TEST(HintOutbox, a_message_is_bounded_and_the_rest_follows) {
  HintOutbox outbox;
  outbox.add_root("/r", {"a"});
  std::vector<Hint> many;
  for (int i = 0; i < 1000; ++i) many.push_back(hint(std::string(4000, 'x') + std::to_string(i)));
  outbox.add("/r", many);
  size_t got = 0;
  for (Publish message; outbox.take(message, 0); outbox.sent()) {
    size_t bytes = 0;
    for (const auto& h : message.hints) bytes += h.path.size();
    EXPECT_LT(bytes, 2u << 20u);
    got += message.hints.size();
  }
  EXPECT_EQ(got, 1000u);
}

TEST(HintOutbox, what_is_refused_becomes_one_hint_on_the_root) {
  HintOutbox outbox;
  outbox.add_root("/r", {"a"});
  outbox.add("/r", {hint("x"), hint("y")});
  Publish message;
  ASSERT_TRUE(outbox.take(message, 0));
  outbox.refused();
  ASSERT_TRUE(outbox.take(message, 0));
  ASSERT_EQ(message.hints.size(), 1u);
  EXPECT_TRUE(message.hints[0].recursive);
}

TEST(HintOutbox, a_cookie_goes_behind_every_hint_before_it) {
  HintOutbox outbox;
  outbox.add_root("/r", {"a", "b"});
  std::vector<Hint> many;
  for (int i = 0; i < 1000; ++i) many.push_back(hint(std::string(4000, 'x') + std::to_string(i)));
  outbox.add("/r", many);
  outbox.add_cookie("/r", "c", true);
  Publish message;
  size_t hints = 0;
  while (outbox.take(message, 0) && message.cookies.empty()) {
    hints += message.hints.size();
    outbox.sent();
  }
  EXPECT_EQ(hints + message.hints.size(), 2000u);
  ASSERT_EQ(message.cookies.size(), 2u);
  EXPECT_EQ(message.cookies[1].pair, "b");
  EXPECT_EQ(message.cookies[1].name, "c");
  outbox.failed();
  ASSERT_TRUE(outbox.take(message, 0));
  EXPECT_EQ(message.cookies.size(), 2u);
  outbox.sent();
  EXPECT_FALSE(outbox.take(message, 0));
}

TEST(Monitor, what_one_pair_names_is_how_its_root_is_watched) {
  PairConfig any, inotify, fanotify;
  inotify.watch = WatchSource::inotify;
  fanotify.watch = WatchSource::fanotify;
  EXPECT_EQ(common_source({any}), WatchSource::automatic);
  EXPECT_EQ(common_source({any, inotify}), WatchSource::inotify);
  EXPECT_EQ(common_source({fanotify, any, inotify}), WatchSource::fanotify);
}

TEST(Monitor, only_what_all_pairs_ignore_is_not_watched) {
  PairConfig a, b;
  a.exclude = {".git", "*.o"};
  b.exclude = {"*.tmp", ".git"};
  a.code_never = {"logs"};
  EXPECT_EQ(common_rules({a, b}).exclude, std::vector<std::string>{".git"});
  EXPECT_TRUE(common_rules({a, b}).never.empty());
  EXPECT_EQ(common_rules({a}).never, std::vector<std::string>{"logs"});
}

TEST(EventLog, an_outage_is_told_once_and_then_now_and_then) {
  EventLog log;
  Event failed;
  failed.pair = "web";
  failed.kind = EventKind::cycle;
  failed.summary.emplace();
  failed.summary->error = {ErrorCode::unreachable, "Connection refused", {}, 0};
  Event parked;
  parked.pair = "web";
  parked.kind = EventKind::parked;
  parked.item = "r-code";
  parked.text = "the root is not mounted";
  const auto first = log.take(failed, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->level, LogLevel::warn);
  EXPECT_TRUE(log.take(parked, 0));
  int lines = 0;
  for (int64_t second = 3; second < 900; second += 3) {
    if (log.take(failed, second * kSecond)) ++lines;
    if (log.take(parked, second * kSecond)) ++lines;
  }
  EXPECT_EQ(lines, 2) << "a reminder of each";
  Event other = failed;
  other.summary->error.message = "No route to host";
  EXPECT_TRUE(log.take(other, 900 * kSecond)) << "a change";
  Event good = failed;
  good.summary->error = {};
  EXPECT_EQ(log.take(good, 901 * kSecond)->level, LogLevel::info);
  EXPECT_TRUE(log.take(other, 902 * kSecond)) << "a new outage";
  Event elsewhere = failed;
  elsewhere.pair = "docs";
  EXPECT_TRUE(log.take(elsewhere, 902 * kSecond));
}

TEST(Monitor, lines_for_cycles_conflicts_and_parked_items) {
  Event event;
  event.pair = "web";
  event.path = "a\nb";
  event.text = "code won";
  event.kind = EventKind::conflict;
  event.item = "c1";
  EXPECT_EQ(event_line(event), "web: conflict a\\nb: code won [c1]");
  event = Event{};
  event.pair = "web";
  event.kind = EventKind::cycle;
  event.summary.emplace();
  event.summary->operations = 3;
  event.summary->in_sync = true;
  EXPECT_EQ(event_line(event), "web: cycle: 3 operations, 0 failed, 0 conflicts, 0 parked, in sync");
  event = Event{};
  event.pair = "web";
  event.kind = EventKind::note;
  event.text = "both sides are merged";
  EXPECT_EQ(event_line(event), "web: note: both sides are merged");
  event.kind = EventKind::progress;
  EXPECT_EQ(event_line(event), "");
}

}  // namespace
}  // namespace twsync
