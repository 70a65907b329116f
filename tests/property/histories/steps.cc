#include "tests/property/histories/steps.h"

#include <random>
#include <sstream>

#include "common/base/text.h"

namespace twsync::testing {

namespace {

struct Weighted {
  const char* verb;
  unsigned weight;
};

constexpr Weighted kEdits[] = {{"write", 9}, {"replace", 8}, {"old", 2},   {"append", 3}, {"delete", 6}, {"rename", 8},
                               {"swap", 2},  {"mkdir", 4},   {"chmod", 2}, {"touch", 2},  {"link", 2},   {"kind", 2}};
constexpr Weighted kActs[] = {{"edit", 64}, {"both", 3},  {"sync", 14}, {"kill", 7}, {"race", 5},
                              {"hints", 4}, {"close", 1}, {"clock", 1}, {"base", 2}};

template <size_t N>
std::string pick(const Weighted (&table)[N], std::mt19937_64& random) {
  unsigned total = 0;
  for (const auto& row : table) total += row.weight;
  auto at = static_cast<unsigned>(random() % total);
  for (const auto& row : table) {
    if (at < row.weight) return row.verb;
    at -= row.weight;
  }
  return table[0].verb;
}

}  // namespace

Steps make_steps(uint64_t seed) {
  std::mt19937_64 random(seed);
  Steps steps;
  const auto small = [&random] { return static_cast<unsigned>(random() % 120); };
  const auto edits = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const char* side = random() % 2 == 0 ? "code-" : "deploy-";
      steps.push_back({side + pick(kEdits, random), small(), small(), small()});
    }
  };
  edits(3 + random() % 12);
  const size_t length = 20 + random() % 60;
  while (steps.size() < length) {
    const std::string act = pick(kActs, random);
    if (act == "edit") {
      edits(1 + random() % 4);
    } else {
      steps.push_back({act, small(), small(), small()});
    }
  }
  return steps;
}

std::string to_text(const Steps& steps) {
  std::string out;
  for (const Step& s : steps) out += str(s.verb, " ", s.a, " ", s.b, " ", s.c, "; ");
  return out;
}

Steps parse_steps(const std::string& text) {
  Steps steps;
  std::istringstream all(text);
  for (std::string one; std::getline(all, one, ';');) {
    std::istringstream words(one);
    Step step;
    if (words >> step.verb >> step.a >> step.b >> step.c) steps.push_back(step);
  }
  return steps;
}

}  // namespace twsync::testing
