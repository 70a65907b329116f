#pragma once
// A history as a list of steps: made from a seed, printed, shrunk and replayed as text.

#include <cstdint>
#include <string>
#include <vector>

namespace twsync::testing {

/// One step. What a, b and c choose is up to the verb; every value means something in every state.
///   code-* / deploy-*  what a person does there: write, replace, old, append, delete, rename, swap, mkdir, chmod,
///                      touch, link, kind
///   both               the same edit on both sides
///   sync               a request; a = direction, b = policy, c = a path only
///   kill               a request that is killed; a = when, b = who of controller and agents
///   race               a request during which people go on; a = how many edits, b = seed of them
///   hints              what was done since is hinted, as a says: dropped, doubled, out of order, wrong
///   close              the session ends in order
///   clock              the code server's clock is set
///   base               between sessions: a = deleted, damaged, cut, saved, or an old copy put back; queue deleted
struct Step {
  std::string verb;
  unsigned a = 0, b = 0, c = 0;
};

using Steps = std::vector<Step>;

Steps make_steps(uint64_t seed);
std::string to_text(const Steps& steps);
Steps parse_steps(const std::string& text);

}  // namespace twsync::testing
