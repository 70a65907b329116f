// Derive two trees by perturbing one, plan, pretend success, repeat: must end, agree, and lose nothing.
// TWSYNC_CASES sets the number of cases; RC_PARAMS="seed=..." replays a run.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "tests/property/perturb.h"

namespace twsync::testing {
namespace {

const bool kConfigured = [] {
  if (std::getenv("RC_PARAMS") != nullptr) return true;
  const char* cases = std::getenv("TWSYNC_CASES");
  return setenv("RC_PARAMS", str("max_success=", std::string(cases != nullptr ? cases : "3000"), "").c_str(), 1) == 0;
}();

/// Small bytes: the kinds of edit and the few paths of a small tree are what matters.
rc::Gen<Edits> edits(size_t most) {
  auto any_size = rc::gen::mapcat(rc::gen::inRange<size_t>(0, most + 1), [](size_t count) {
    return rc::gen::container<Edits>(count, rc::gen::container<Edit>(rc::gen::inRange<uint8_t>(0, 120)));
  });
  return rc::gen::resize(rc::kNominalSize,
                         std::move(any_size));  // every case at full size: trees here are small anyway
}

World make_world(const Edits& common, ConflictPolicy policy) {
  World scratch("");
  for (const Edit& edit : common) grow(scratch, edit);
  std::string literal;
  for (const auto& [path, node] : scratch.tree(Side::code)) {
    const char* form = node.kind == Kind::directory ? "/" : node.kind == Kind::symlink ? "->" : "=";
    literal += str(path, std::string(form), node.content, " ");
  }
  return World(literal, policy);
}

std::string edit_both(World& world, const Edits& code, const Edits& deploy) {
  std::string words;
  for (const Edit& edit : code) words += str("code ", perturb(world, Side::code, edit), "\n");
  for (const Edit& edit : deploy) words += str("deploy ", perturb(world, Side::deploy, edit), "\n");
  return words;
}

PathState mirrored(PathState state) {
  std::swap(state.code, state.deploy);
  if (state.base) std::swap(state.base->code, state.base->deploy);
  if (state.dropped) std::swap(state.dropped->code, state.dropped->deploy);
  return state;
}

std::vector<std::string> sorted_lines(const Plan& plan, bool swap_sides) {
  std::vector<std::string> lines;
  const auto side = [swap_sides](Side s) { return to_string(swap_sides ? other(s) : s); };
  for (const auto& op : plan.operations) {
    Operation neutral = op;
    neutral.side = swap_sides ? other(op.side) : op.side;
    lines.push_back(str(static_cast<int>(op.stage), " ", describe(neutral), " ", op.expected.stamp.inode, " ",
                        op.desired.mtime_ns));
  }
  for (const auto& c : plan.conflicts) {
    const Side winner = c.winner == ConflictWinner::code ? Side::code : Side::deploy;
    lines.push_back(
        str("conflict ", c.rule, " ", c.path, " ", c.winner == ConflictWinner::none ? "none" : side(winner)));
  }
  for (const auto& p : plan.parked) lines.push_back(str("parked ", to_string(p.reason), " ", p.path));
  for (const auto& a : plan.agreements) lines.push_back(str(a.drop ? "drop " : "agree ", a.path));
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

Edits common_edits() {
  return *edits(20);
}
Edits side_edits() {
  return *edits(10);
}
size_t below(size_t limit) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<size_t>(0, limit));
}

ConflictPolicy any_policy() {
  return static_cast<ConflictPolicy>(below(3));
}

void classify(const std::string& plan) {
  RC_CLASSIFY(plan.empty(), "nothing to do");
  RC_CLASSIFY(plan.find(" rename ") != std::string::npos, "with renames");
  RC_CLASSIFY(plan.find("conflict R") != std::string::npos, "with conflicts");
}

/// A world with edits on both sides, and what has to be true of it in the end.
class Story {
 public:
  explicit Story(ConflictPolicy policy) : world(make_world(common_edits(), policy)) {
    words_ = "start:\n" + to_text(world.tree(Side::code));
    edit();
  }

  void edit() {
    const Edits code = side_edits();
    const Edits deploy = side_edits();
    by_users([&] { return edit_both(world, code, deploy); });
  }

  void sockets() {
    const auto code = static_cast<uint8_t>(below(120));
    const auto deploy = static_cast<uint8_t>(below(120));
    by_users([&] { return place_socket(world, Side::code, code) + place_socket(world, Side::deploy, deploy); });
  }

  Plan plan() {
    Plan plan = world.plan();
    words_ += "plan:\n" + describe(plan);
    return plan;
  }

  /// Nothing that was ever written is gone, and `problems` is empty.
  void check(const std::string& problems) {
    std::string lost;
    const auto kept = world.contents();
    for (const auto& content : written_) {
      if (!kept.contains(content)) lost += content + " ";
    }
    if (!problems.empty() || !lost.empty())
      RC_LOG() << words_ << "problems:\n" << problems << "\nlost: " << lost << "\n";
    RC_ASSERT(problems.empty() && lost.empty());
  }

  /// What happens to a side's disk; what it takes with it is still to be found elsewhere.
  template <class Damage>
  void damage(Damage damage) {
    words_ += damage();
  }
  /// Both sides were damaged: only what still stands somewhere can be kept.
  void accept_losses() { written_ = world.contents(); }

  World world;

 private:
  /// What users overwrite or erase themselves is not lost by us.
  template <class Edit>
  void by_users(Edit edit) {
    check("");
    words_ += edit();
    written_ = world.contents();
  }

  std::string words_;
  std::set<std::string> written_;
};

void check_convergence(ConflictPolicy policy) {
  const bool ok = rc::check(str("converges under ", to_string(policy)), [policy] {
    Story story(policy);
    if (below(12) == 0) story.world.forget_base();
    classify(describe(story.plan()));
    story.check(story.world.converge());
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
    Story story(any_policy());
    const Plan plan = story.plan();
    std::string problems = story.world.carry_out(plan, below(plan.operations.size() + 1));
    if (below(3) == 0) story.edit();
    story.plan();
    story.check(problems + story.world.converge());
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, KeepsEditsMadeWhileApplying) {
  const bool ok = rc::check("edits between scan and apply", [] {
    Story story(any_policy());
    const Plan plan = story.plan();
    story.edit();
    story.world.carry_out(plan);
    story.plan();
    story.check(story.world.converge());
  });
  EXPECT_TRUE(ok);
}

/// A power cut takes back what was not flushed, as a whole, and empties or loses some of what was recorded since.
std::string cut_power(World& world, Side side) {
  std::string words = str("power cut of ", to_string(side), ":");
  if (below(2) == 0) {
    world.undo(side, "");
    words += " all since the flush;";
  }
  std::vector<std::string> lately;
  for (const auto& [path, node] : world.tree(side)) {
    const auto row = world.base.find(path);
    if (row != world.base.end() && row->second.round > world.settled) lately.push_back(path);
  }
  for (const std::string& path : lately) {
    const auto node = world.tree(side).find(path);
    if (node == world.tree(side).end()) continue;
    const size_t fate = below(4);
    if (fate == 0 && node->second.kind == Kind::file) {
      world.rot(side, path, "");
      words += " emptied " + path;
    } else if (fate == 1 && node->second.kind != Kind::directory) {
      world.erase(side, path);
      words += " lost " + path;
    }
  }
  world.stop_uncleanly(side);
  return words + "\n";
}

TEST(PlannerProperty, DamageNeverWinsAndNeverDeletes) {
  const bool ok = rc::check("after a power cut of one side both are as the other side was", [] {
    Story story(any_policy());
    std::string problems = story.world.converge();
    story.world.confirm_flush();
    story.edit();
    problems += story.world.converge();
    const Side side = below(2) == 0 ? Side::code : Side::deploy;
    const std::string whole = story.world.text(other(side));
    story.damage([&] { return cut_power(story.world, side); });
    story.plan();
    problems += story.world.converge();
    if (story.world.text(other(side)) != whole) problems += "the survivor was changed:\n" + whole;
    story.check(problems);
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, EditsAfterAPowerCutAreKept) {
  const bool ok = rc::check("power cuts of either side or both, then edits", [] {
    Story story(any_policy());
    std::string problems = story.world.converge();
    story.world.confirm_flush();
    story.edit();
    problems += story.world.converge();
    const size_t which = below(3);
    if (which != 1) story.damage([&] { return cut_power(story.world, Side::code); });
    if (which != 0) story.damage([&] { return cut_power(story.world, Side::deploy); });
    if (which == 2) story.accept_losses();
    story.edit();
    story.plan();
    story.check(problems + story.world.converge());
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, OneDirectionThenBoth) {
  const bool ok = rc::check("a direction leaves the other side alone and loses nothing", [] {
    Story story(any_policy());
    const bool to_deploy = below(2) == 0;
    const Side untouched = to_deploy ? Side::code : Side::deploy;
    const std::string before = story.world.text(untouched);
    std::string problems;
    for (int cycle = 0; cycle < 2; ++cycle) {
      Plan plan = story.plan();
      filter_direction(plan, to_deploy ? Direction::to_deploy : Direction::to_code);
      problems += story.world.carry_out(plan);
    }
    if (story.world.text(untouched) != before) problems += "the other side changed\n";
    story.plan();
    story.check(problems + story.world.converge());
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, WorksAroundWhatIsNeverTouched) {
  const bool ok = rc::check("sockets in the way", [] {
    Story story(any_policy());
    story.sockets();
    const std::string problems = story.world.carry_out(story.plan()) + story.world.carry_out(story.plan());
    const Plan rest = story.plan();
    story.check(problems + (rest.operations.empty() && rest.agreements.empty() ? "" : "still to do\n"));
  });
  EXPECT_TRUE(ok);
}

TEST(PlannerProperty, MirrorsUnderSwappedSides) {
  const bool ok = rc::check("the plan mirrors", [] {
    Story story(ConflictPolicy::code_server);
    World& world = story.world;
    for (const Side side : {Side::code, Side::deploy}) {
      if (below(3) == 0) story.damage([&] { return cut_power(world, side); });
    }
    story.accept_losses();
    auto states = world.scan();
    const Plan plan = make_plan(states, world.policy);
    for (PathState& state : states) state = mirrored(std::move(state));
    Policy policy = world.policy;
    policy.conflicts = ConflictPolicy::deploy_server;
    std::swap(policy.code_doubt, policy.deploy_doubt);
    const std::string straight = joined(sorted_lines(plan, false));
    const std::string swapped = joined(sorted_lines(make_plan(states, policy), true));
    story.check(straight == swapped ? "" : str("straight:\n", straight, "mirrored:\n", swapped));
  });
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace twsync::testing
