#include "producers/cli/full_screen.h"

#include <gtest/gtest.h>

#include "producers/cli/paint.h"
#include "producers/cli/rate.h"

namespace twsync {
namespace {

TEST(FitLine, counts_what_is_seen) {
  EXPECT_EQ(fit_line("abcdef", 3), "abc");
  EXPECT_EQ(fit_line("abc", 3), "abc");
  EXPECT_EQ(fit_line("äöü", 2), "äö");
  EXPECT_EQ(fit_line("", 2), "");
}

TEST(FitLine, colours_take_no_room_and_end) {
  EXPECT_EQ(fit_line(paint(true, Colour::bad, "abc") + "def", 4), "\x1b[31mabc\x1b[0md");
  EXPECT_EQ(fit_line(paint(true, Colour::bad, "abcdef"), 2), "\x1b[31mab\x1b[0m");
  EXPECT_EQ(paint(false, Colour::bad, "abc"), "abc");
}

TEST(Screenful, draws_over_what_was_there_and_never_scrolls) {
  EXPECT_EQ(screenful("one\ntwo\nthree\n", 2, 10), "\x1b[Hone\x1b[K\ntwo\x1b[K\x1b[J");
  EXPECT_EQ(screenful("long line\n", 5, 4), "\x1b[Hlong\x1b[K\x1b[J");
}

TEST(Rate, needs_time_and_begins_anew) {
  Rate rate;
  EXPECT_EQ(rate.per_second(), 0U);
  rate.note(0, 100);
  rate.note(100'000'000, 200);
  EXPECT_EQ(rate.per_second(), 0U);
  rate.note(2'000'000'000, 2100);
  EXPECT_EQ(rate.per_second(), 1000U);
  rate.note(3'000'000'000, 0);
  EXPECT_EQ(rate.per_second(), 0U);
}

}  // namespace
}  // namespace twsync
