// Derive two trees by perturbing one, plan, pretend success, repeat: every cycle must do what the reference planner
// says, end, agree, and lose nothing. TWSYNC_CASES sets the number of cases, RC_PARAMS="seed=..." replays a run; a
// failing case is printed as a story, which regressions.txt keeps.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <fstream>

#include "common/base/text.h"
#include "tests/property/perturb.h"
#include "tests/property/story.h"

namespace twsync::testing {
namespace {

const bool kConfigured = [] {
  if (std::getenv("RC_PARAMS") != nullptr) return true;
  // The suite runs the same cases each time; a number of cases asks for others.
  const char* cases = std::getenv("TWSYNC_CASES");
  const std::string params =
      cases != nullptr ? str("max_success=", std::string(cases)) : "max_success=3000 seed=20261122";
  return setenv("RC_PARAMS", params.c_str(), 1) == 0;
}();

/// Small bytes: the kinds of edit and the few paths of a small tree are what matters.
Edits edits(size_t most) {
  auto any_size = rc::gen::mapcat(rc::gen::inRange<size_t>(0, most + 1), [](size_t count) {
    return rc::gen::container<Edits>(count, rc::gen::container<Edit>(rc::gen::inRange<uint8_t>(0, 120)));
  });
  // Every case at full size: trees here are small anyway.
  return *rc::gen::resize(rc::kNominalSize, std::move(any_size));
}

size_t below(size_t limit) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<size_t>(0, limit));
}

std::string any_tree() {
  World scratch("");
  for (const Edit& edit : edits(20)) grow(scratch, edit);
  std::string literal;
  for (const auto& [path, node] : scratch.tree(Side::code)) {
    const char* form = node.kind == Kind::directory ? "/" : node.kind == Kind::symlink ? "->" : "=";
    literal += str(path, form, node.content, " ");
  }
  return literal;
}

ConflictPolicy any_policy() {
  return static_cast<ConflictPolicy>(below(4));
}

std::string any_skew() {
  static constexpr const char* kSkews[] = {"", " skew=1", " skew=5", " skew=-5", " skew=3600"};
  return kSkews[below(5)];
}

/// A move that is half carried out frees a place, so that the rest is decided otherwise (and loses nothing either):
/// what has to end the same has none.
enum class Moves { none, some };

class Case {
 public:
  explicit Case(ConflictPolicy policy) : Case(policy, any_skew(), Moves::some) {}
  Case(ConflictPolicy policy, const std::string& skew, Moves moves)
      : story_(to_string(policy) + skew, any_tree()), moves_(moves) {
    users_edit();
  }

  /// A few edits on each side; some on both, so that they are equal.
  void users_edit() {
    for (const Side s : {Side::code, Side::deploy}) {
      for (Edit edit : edits(10)) {
        if (moves_ == Moves::none) edit = without_renames(edit);
        story_.told(perturb(story_.world(), s, edit));
        if (edit[3] % 6 == 0) story_.told(perturb(story_.world(), other(s), edit));
      }
    }
  }
  void sockets() {
    for (const Side s : {Side::code, Side::deploy}) {
      story_.told(place_socket(story_.world(), s, static_cast<uint8_t>(below(120))));
    }
  }
  void links() {
    for (const Side s : {Side::code, Side::deploy}) {
      for (const Edit& edit : edits(3)) {
        story_.told(place_link(story_.world(), s, edit));
        if (edit[0] % 4 == 0) story_.told(place_link(story_.world(), other(s), edit));
      }
    }
  }
  void run(const std::string& statements) { story_.run(statements); }
  void classify() {
    const std::string plan = story_.plan_text();
    RC_CLASSIFY(plan.empty(), "nothing to do");
    RC_CLASSIFY(plan.find(" rename ") != std::string::npos, "with renames");
    RC_CLASSIFY(plan.find("conflict R") != std::string::npos, "with conflicts");
  }
  std::string end_without_interruption() {
    World copy = story_.world();
    copy.converge();
    return both_sides(copy);
  }
  void must_equal(const std::string& end) {
    const std::string mine = both_sides(story_.world());
    if (mine != end) RC_LOG() << story_.line() << "\nended otherwise:\n" << mine << "without:\n" << end;
    RC_ASSERT(mine == end);
  }
  void end() {
    story_.end();
    if (!story_.problems().empty()) RC_LOG() << story_.line() << "\nproblems:\n" << story_.problems();
    RC_ASSERT(story_.problems().empty());
  }

 private:
  /// With units without directories: an empty one of the loser may come back (R146).
  static std::string both_sides(World& world) {
    if (!world.policy.units.empty()) {
      for (const Side s : {Side::code, Side::deploy})
        std::erase_if(world.tree(s), [](const auto& item) { return item.second.kind == Kind::directory; });
    }
    return str("code:\n", world.text(Side::code), "deploy:\n", world.text(Side::deploy));
  }

  Story story_;
  const Moves moves_;
};

void check_convergence(ConflictPolicy policy) {
  const bool ok = rc::check(str("converges under ", to_string(policy)), [policy] {
    Case c(policy);
    if (below(12) == 0) c.run("forget");
    c.classify();
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, ConvergesUnderNewer) {
  check_convergence(ConflictPolicy::newer);
}
TEST(PlannerProperty, ConvergesUnderCodeServer) {
  check_convergence(ConflictPolicy::code_server);
}
TEST(PlannerProperty, ConvergesUnderDeployServer) {
  check_convergence(ConflictPolicy::deploy_server);
}
TEST(PlannerProperty, ConvergesUnderManual) {
  check_convergence(ConflictPolicy::manual);
}

TEST(PlannerProperty, ConvergesAfterAnInterruption) {
  const bool ok = rc::check("a cycle killed anywhere, then two more", [] {
    Case c(any_policy());
    c.run(str("kill ", below(40)));
    if (below(3) == 0) c.users_edit();
    c.end();
  });
  EXPECT_TRUE(ok);
}

/// One of two runs of the same story is killed, perhaps twice.
void check_killed_end(Case& c) {
  const std::string end = c.end_without_interruption();
  c.run(str("kill ", below(40)));
  if (below(4) == 0) c.run(str("kill ", below(40)));
  c.end();
  c.must_equal(end);
}

TEST(PlannerProperty, AnInterruptionChangesNoEnd) {
  const bool ok = rc::check("a cycle killed anywhere ends like one that wasn't", [] {
    Case c(any_policy(), any_skew(), Moves::none);
    check_killed_end(c);
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, ADirectionFirstChangesNoEnd) {
  const bool ok = rc::check("one way, then both, ends like both at once", [] {
    Case c(any_policy(), "", Moves::none);  // skew counts for fresh mtimes only, and a carried one is none any more
    const std::string end = c.end_without_interruption();
    c.run(below(2) == 0 ? "to-deploy; " : "to-code; ");
    c.end();
    c.must_equal(end);
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, KeepsEditsMadeWhileApplying) {
  const bool ok = rc::check("edits between scan and apply", [] {
    Case c(any_policy());
    c.run("plan");
    c.users_edit();
    c.run("apply");
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, OneDirectionThenBoth) {
  const bool ok = rc::check("a direction leaves the other side alone and loses nothing", [] {
    Case c(any_policy());
    const std::string way = below(2) == 0 ? "to-deploy; " : "to-code; ";
    c.run(way + way);
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, WorksAroundWhatIsNeverTouched) {
  const bool ok = rc::check("sockets in the way", [] {
    Case c(any_policy());
    c.sockets();
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, HardLinks) {
  const bool ok = rc::check("names of one file stay one file", [] {
    Case c(any_policy());
    c.links();
    c.run("sync");
    c.users_edit();
    c.links();
    if (below(3) == 0) c.run(str("kill ", below(40)));
    if (below(12) == 0) c.run("forget");
    c.end();
  });
  EXPECT_TRUE(ok);
}

std::string any_units() {
  static constexpr const char* kUnits[] = {" unit=a", " unit=a/b", " unit=a unit=b", " unit=b/a unit=c"};
  return any_skew() + kUnits[below(4)];
}

TEST(PlannerProperty, Units) {
  const bool ok = rc::check("a unit ends as it was on one of the sides", [] {
    Case c(any_policy(), any_units(), Moves::some);
    if (below(12) == 0) c.run("forget");
    c.classify();
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, UnitsOfLinkedFilesAroundSockets) {
  const bool ok = rc::check("units with names of one file and what is never touched", [] {
    Case c(any_policy(), any_units(), Moves::some);
    c.links();
    c.run("sync");
    c.users_edit();
    c.links();
    if (below(2) == 0) c.sockets();
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, UnitsAreNotLostByHalves) {
  const bool ok = rc::check("units in cycles of one way, killed, and edited meanwhile", [] {
    Case c(any_policy(), any_units(), Moves::some);
    const size_t what = below(4);
    if (what == 0) c.run(str("kill ", below(40)));
    if (what == 1) c.run(below(2) == 0 ? "to-deploy; " : "to-code; ");
    if (what == 2) c.run("plan");
    if (what >= 2) c.users_edit();
    if (what == 2) c.run("apply");
    c.end();
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, AnInterruptionChangesNoEndOfAUnit) {
  const bool ok = rc::check("a cycle killed anywhere ends with the units of one that wasn't", [] {
    Case c(any_policy(), any_units(), Moves::none);
    check_killed_end(c);
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, Regressions) {
  std::ifstream file(TWSYNC_REGRESSIONS);
  ASSERT_TRUE(file.is_open()) << TWSYNC_REGRESSIONS;
  size_t stories = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    ++stories;
    EXPECT_EQ(Story::replay(line), "") << line;
  }
  EXPECT_GT(stories, 0U);
}

}  // namespace
}  // namespace twsync::testing
