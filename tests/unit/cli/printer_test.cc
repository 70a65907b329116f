#include "producers/cli/printer.h"

#include <gtest/gtest.h>

#include "common/base/clock.h"

namespace twsync {
namespace {

Event operation_event(OpKind kind, Side side, const std::string& path) {
  Event event;
  event.kind = EventKind::operation;
  event.path = path;
  event.operation.emplace();
  event.operation->kind = kind;
  event.operation->side = side;
  event.operation->path = path;
  event.operation->desired.size = 7;
  return event;
}

Event plain_event(EventKind kind, const std::string& path, const std::string& text, const std::string& item = {}) {
  Event event;
  event.kind = kind;
  event.path = path;
  event.text = text;
  event.item = item;
  return event;
}

Event progress_event(const std::string& stage, uint64_t files, uint64_t bytes) {
  Event event;
  event.kind = EventKind::progress;
  event.progress = Progress{stage, files, 10, bytes, 10'000'000};
  return event;
}

std::string printed(const PrinterOptions& options, const std::vector<Event>& events, const Summary& summary) {
  std::string out;
  const auto printer = make_printer(options, [&](std::string_view text) { out += text; });
  for (const auto& event : events) printer->event(event);
  printer->summary(summary);
  return out;
}

TEST(JsonPrinter, golden) {
  Event rename = operation_event(OpKind::rename, Side::code, "e");
  rename.operation->from = "d\xff";
  Event failed = operation_event(OpKind::put_file, Side::deploy, "a b");
  failed.code = ErrorCode::stale;
  failed.text = "it changed";
  Summary summary;
  summary.operations = 2;
  summary.bytes_sent = 5;
  summary.conflicts = 1;
  summary.duration_ns = 1'500'000'000;
  PrinterOptions options;
  options.json = true;

  EXPECT_EQ(
      printed(options,
              {failed, rename, plain_event(EventKind::conflict, "c", "code won", "c7"),
               plain_event(EventKind::note, "", "for people"), progress_event("scanning", 3, 4)},
              summary),
      R"({"event":"operation","path":"a b","operation":"put-file","side":"deploy","size":7,"code":"stale","text":"it changed"})"
      "\n"
      R"({"event":"operation","path":"e","operation":"rename","side":"code","from":"d\\xff","from_b64":"ZP8="})"
      "\n"
      R"({"event":"conflict","path":"c","id":"c7","text":"code won"})"
      "\n"
      R"({"event":"progress","path":"","stage":"scanning","files_done":3,"files_total":10,"bytes_done":4,"bytes_total":10000000})"
      "\n"
      R"({"event":"summary","path":"","operations":2,"failed":0,"bytes_sent":5,"bytes_received":0,"content_bytes":0,"conflicts":1,)"
      R"("parked":0,"pending":0,"skipped":0,"in_sync":false,"dry_run":false,"seconds":1.500})"
      "\n");
}

TEST(TextPrinter, a_dry_run_prints_each_operation) {
  Event rename = operation_event(OpKind::rename, Side::deploy, "e\n");
  rename.operation->from = "d";
  Event link = operation_event(OpKind::put_symlink, Side::code, "l");
  link.operation->desired.target = "t";
  PrinterOptions options;
  options.dry_run = true;
  Summary summary;
  summary.dry_run = true;
  summary.operations = 3;

  EXPECT_EQ(printed(options, {operation_event(OpKind::put_file, Side::deploy, "a"), rename, link}, summary),
            "deploy  write       a\n"
            "deploy  rename      d -> e\\n\n"
            "code    link        l -> t\n"
            "dry run: 3 operations would be done, 0.0 s\n");
}

TEST(TextPrinter, plain_run_shows_what_needs_attention) {
  Event failed = operation_event(OpKind::put_file, Side::deploy, "f");
  failed.code = ErrorCode::denied;
  Summary summary;
  summary.operations = 2;
  summary.failed = 1;
  summary.parked = 1;
  summary.bytes_sent = 1'400'000;
  const std::vector<Event> events = {operation_event(OpKind::put_file, Side::deploy, "a"), failed,
                                     plain_event(EventKind::parked, "", "12 deletions", "p1")};

  EXPECT_EQ(printed({}, events, summary),
            "failed: deploy  write       f: denied\n"
            "parked: .: 12 deletions [p1]\n"
            "2 operations, 1.4 MB sent, 0 B received, 1 failed, 1 parked, 0.0 s\n"
            "parked items wait for a decision: twsync conflicts\n");
}

TEST(TextPrinter, quiet_says_nothing_when_all_is_well) {
  PrinterOptions options;
  options.quiet = true;
  Summary summary;
  summary.in_sync = true;
  EXPECT_EQ(printed(options, {progress_event("scanning", 1, 1), plain_event(EventKind::note, "", "x")}, summary), "");
}

TEST(TextPrinter, terminal_shows_one_line_with_rate_and_time_left) {
  int64_t now = 0;
  PrinterOptions options;
  options.terminal = true;
  options.columns = 200;
  options.now_ns = [&] { return now; };
  std::string out;
  const auto printer = make_printer(options, [&](std::string_view text) { out += text; });

  printer->event(progress_event("transferring", 0, 0));
  now += 2 * kSecond;
  printer->event(progress_event("transferring", 2, 2'000'000));
  printer->event(progress_event("transferring", 3, 2'100'000));  // too soon
  printer->event(plain_event(EventKind::skipped, "x", "gone"));

  EXPECT_EQ(out,
            "\r\x1b[Ktransferring  0/10 files  0 B/10.0 MB"
            "\r\x1b[Ktransferring  2/10 files  2.0 MB/10.0 MB  1.0 MB/s  0:08 left"
            "\r\x1b[Kskipped: x: gone\n");
}

TEST(TextPrinter, an_early_end_is_said) {
  Summary summary;
  summary.error = Error{ErrorCode::unreachable, "no route", {}, 0};
  EXPECT_NE(summary_text(summary).find("it ended early: no route"), std::string::npos);
  std::string out;
  make_printer(PrinterOptions{}, [&](std::string_view text) { out += text; })->summary(summary);
  EXPECT_EQ(out, "") << "the reason goes to stderr, and nothing was done";
  summary.operations = 2;
  make_printer(PrinterOptions{}, [&](std::string_view text) { out += text; })->summary(summary);
  EXPECT_EQ(out, "2 operations, 0 B sent, 0 B received, 0.0 s\n");
}

TEST(SummaryExitCode, table) {
  Summary s;
  EXPECT_EQ(summary_exit_code(s), 0);
  s.conflicts = 3;
  s.pending = 2;
  EXPECT_EQ(summary_exit_code(s), 0);
  s.parked = 1;
  EXPECT_EQ(summary_exit_code(s), 1);
  s.guarded = 1;
  EXPECT_EQ(summary_exit_code(s), 5) << "the guard stopped it and nothing was applied";
  s.operations = 1;
  EXPECT_EQ(summary_exit_code(s), 1) << "the rest was done";
  s.operations = 0;
  s.failed = 1;
  EXPECT_EQ(summary_exit_code(s), 1);
  s.error.code = ErrorCode::guard;
  EXPECT_EQ(summary_exit_code(s), 5);
  s.error.code = ErrorCode::unreachable;
  EXPECT_EQ(summary_exit_code(s), 3);
}

TEST(Human, bytes_and_durations) {
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(999'999), "1.0 MB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "18446.7 PB");
  EXPECT_EQ(human_duration(0), "0:00");
  EXPECT_EQ(human_duration(3'723 * kSecond), "1:02:03");
}

}  // namespace
}  // namespace twsync
