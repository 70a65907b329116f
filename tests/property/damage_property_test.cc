// Power cuts: damage after an unclean stop never wins and never deletes (RULES.md R100-R110).
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
  // The suite runs the same cases each time; a number of cases asks for others.
  const char* cases = std::getenv("TWSYNC_CASES");
  const std::string params =
      cases != nullptr ? str("max_success=", std::string(cases)) : "max_success=3000 seed=20261122";
  return setenv("RC_PARAMS", params.c_str(), 1) == 0;
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

/// A power cut takes back what was not flushed, as a whole, and empties or loses some of what was recorded since; the
/// mount empties more of it (R104).
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
  for (const std::string& path : lately) {
    const auto node = world.tree(side).find(path);
    const bool held = node != world.tree(side).end() && node->second.kind == Kind::file;
    if (!held || world.base.at(path).agreed.size == 0 || below(5) != 0) continue;
    world.write(side, path, "");
    words += " truncated by the mount " + path;
  }
  world.look_first(side);
  return words + "\n";
}

TEST(DamageProperty, DamageNeverWinsAndNeverDeletes) {
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

TEST(DamageProperty, EditsAfterAPowerCutAreKept) {
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

}  // namespace
}  // namespace twsync::testing
