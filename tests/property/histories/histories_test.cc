// Random histories over two real roots. TWSYNC_SEEDS="first count" chooses them (TWSYNC_SECONDS bounds the time),
// TWSYNC_HISTORY replays one as text. A failing one is shrunk and printed as the line that histories.txt keeps.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "common/base/text.h"
#include "tests/property/histories/history.h"

namespace twsync::testing {
namespace {

using Time = std::chrono::steady_clock;

int64_t seconds_since(Time::time_point start) {
  return std::chrono::duration_cast<std::chrono::seconds>(Time::now() - start).count();
}

std::string run(const Steps& steps) {
  Tally tally;
  return run_history(steps, TWSYNC_AGENT, tally);
}

/// Fewer steps that still fail. Kills depend on time, so a try that passes may only have been lucky.
Steps shrunk(Steps steps, int64_t seconds) {
  const auto start = Time::now();
  for (size_t piece = steps.size() / 2; piece > 0; piece /= 2) {
    for (size_t at = 0; at < steps.size() && seconds_since(start) < seconds;) {
      Steps fewer = steps;
      const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(piece, steps.size() - at)));
      bool fails = false;
      for (int i = 0; i < 3 && !fails; ++i) fails = !run(fewer).empty();
      if (fails) {
        steps = std::move(fewer);
      } else {
        at += piece;
      }
    }
  }
  return steps;
}

std::string text_of(const Tally& t) {
  return str(t.syncs, " syncs, ", t.kills, " killed, ", t.races, " raced, ", t.hint_rounds, " rounds of hints, ",
             t.lost_state, " times state lost or replaced, ", t.clock_steps, " times the clock set, ", t.conflicts,
             " conflicts; looked for ", t.values, " values, found ", t.only_kept, " in a version store alone");
}

TEST(Histories, NothingIsLostAndBothSidesMeet) {
  uint64_t first = 1;
  uint64_t count = 60;
  int64_t seconds = 15;
  if (const char* seeds = std::getenv("TWSYNC_SEEDS")) std::istringstream(seeds) >> first >> count;
  if (const char* limit = std::getenv("TWSYNC_SECONDS")) seconds = std::atoll(limit);
  const auto start = Time::now();
  Tally total;
  uint64_t done = 0;
  for (; done < count && seconds_since(start) < seconds; ++done) {
    const Steps steps = make_steps(first + done);
    Tally tally;
    const std::string problem = run_history(steps, TWSYNC_AGENT, tally);
    total.add(tally);
    if (!problem.empty()) {
      std::cout << "seed " << first + done << " fails: " << problem << "\n" << to_text(steps) << std::endl;
      const Steps few = shrunk(steps, 60);
      ADD_FAILURE() << "seed " << first + done << ": " << problem << "\nshrunk to:\n"
                    << to_text(few) << "\nwhich says: " << run(few);
    }
    if ((done + 1) % 50 == 0) {
      std::cout << "seeds " << first << " to " << first + done << " in " << seconds_since(start)
                << " s: " << text_of(total) << std::endl;
    }
  }
  std::cout << done << " of " << count << " histories from seed " << first << " in " << seconds_since(start)
            << " s: " << text_of(total) << std::endl;
  EXPECT_GT(done, 0U);
  EXPECT_GT(total.values, 0U);
}

TEST(Histories, Regressions) {
  std::ifstream file(TWSYNC_HISTORIES);
  ASSERT_TRUE(file.is_open()) << TWSYNC_HISTORIES;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    EXPECT_EQ(run(parse_steps(line)), "") << line;
  }
  if (const char* one = std::getenv("TWSYNC_HISTORY")) {
    EXPECT_EQ(run(parse_steps(one)), "") << one;
  }
}

}  // namespace
}  // namespace twsync::testing
