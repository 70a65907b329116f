#include "tests/property/story.h"

#include <algorithm>
#include <sstream>

#include "common/base/text.h"
#include "tests/property/reference_planner.h"
#include "tests/property/reference_trees.h"
#include "tests/property/unit_facts.h"

namespace twsync::testing {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

ConflictPolicy parse_policy(const std::string& word) {
  for (const auto policy : {ConflictPolicy::newer, ConflictPolicy::code_server, ConflictPolicy::deploy_server}) {
    if (word == to_string(policy)) return policy;
  }
  return ConflictPolicy::manual;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

/// As a literal, with the modes that aren't the usual ones.
std::string short_text(const ModelTree& tree) {
  std::string out;
  for (const auto& [path, node] : tree) {
    const char* form = node.kind == Kind::directory ? "/" : node.kind == Kind::symlink ? "->" : "=";
    out += str(out.empty() ? "" : " ", path, form, node.content);
    const bool usual = node.mode == 0 || node.mode == 0644 || node.mode == 0755;
    if (!usual) out += str(":", node.mode >> 6, node.mode >> 3 & 7, node.mode & 7);
  }
  return out;
}

PathState mirrored(PathState state) {
  std::swap(state.code, state.deploy);
  if (state.base) std::swap(state.base->code, state.base->deploy);
  if (state.dropped) std::swap(state.dropped->code, state.dropped->deploy);
  return state;
}

Policy mirrored(Policy policy) {
  const bool code = policy.conflicts == ConflictPolicy::code_server;
  policy.conflicts = code ? ConflictPolicy::deploy_server : ConflictPolicy::code_server;
  std::swap(policy.code_now_ns, policy.deploy_now_ns);
  std::swap(policy.code_doubt, policy.deploy_doubt);
  policy.skew_ns = -policy.skew_ns;
  return policy;
}

/// A plan as lines that don't depend on which side is called which: sorted, since the order may.
std::string neutral_text(const Plan& plan, bool swap_sides) {
  std::vector<std::string> lines;
  const auto side = [swap_sides](Side s) { return to_string(swap_sides ? other(s) : s); };
  for (Operation op : plan.operations) {
    if (swap_sides) op.side = other(op.side);
    lines.push_back(
        str(static_cast<int>(op.stage), " ", describe(op), " ", op.expected.stamp.inode, " ", op.desired.mtime_ns));
  }
  for (const auto& c : plan.conflicts) {
    const Side winner = c.winner == ConflictWinner::code ? Side::code : Side::deploy;
    lines.push_back(
        str("conflict ", c.rule, " ", c.path, " ", c.winner == ConflictWinner::none ? "none" : side(winner)));
  }
  for (const auto& p : plan.parked) lines.push_back(str("parked ", to_string(p.reason), " ", p.path));
  for (const auto& a : plan.agreements) lines.push_back(describe(a));
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

std::set<std::string> standing(World& world) {
  std::set<std::string> out;
  for (const Side s : kSides) {
    for (const auto& [path, node] : world.tree(s)) {
      if (node.kind == Kind::file || node.kind == Kind::symlink) out.insert(node.content);
    }
  }
  return out;
}

/// What users wrote since both sides last agreed.
std::set<std::string> fresh(World& world) {
  std::set<std::string> out = standing(world);
  for (const auto& [path, row] : world.base) {
    out.erase(row.agreed.target);
    std::erase_if(out, [&row](const std::string& c) { return digest_of(c) == row.agreed.digest; });
  }
  return out;
}

/// The reference planner takes every name for a file of its own.
bool has_hard_links(World& world) {
  const auto linked = [](const auto& item) { return item.second.code.links > 1 || item.second.deploy.links > 1; };
  if (std::any_of(world.base.begin(), world.base.end(), linked)) return true;
  return std::any_of(std::begin(kSides), std::end(kSides), [&](Side s) {
    std::set<uint64_t> inodes;
    for (const auto& [path, node] : world.tree(s)) inodes.insert(node.inode);
    return inodes.size() < world.tree(s).size();
  });
}

std::string without_links(const std::string& tree_text) {
  std::istringstream lines(tree_text);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find('^')) + "\n";
  return out;
}

constexpr const char* kKilledOrNot = "whether killed or not";

std::string without_kills(const std::string& statements) {
  std::istringstream all(statements);
  std::string out;
  for (std::string one; std::getline(all, one, ';');) {
    if (!trimmed(one).starts_with("kill ")) out += one + ";";
  }
  return out;
}

bool holds_special(World& world) {
  return std::any_of(std::begin(kSides), std::end(kSides), [&](Side s) {
    const ModelTree& tree = world.tree(s);
    return std::any_of(tree.begin(), tree.end(), [](const auto& item) { return item.second.kind == Kind::other; });
  });
}

}  // namespace

Story::Story(const std::string& setting, const std::string& agreed) : line_(setting + " | " + agreed + " | ") {
  std::istringstream words(setting);
  std::string word;
  words >> word;
  world_.emplace(agreed, parse_policy(word));
  while (words >> word) {
    if (word.starts_with("skew=")) world_->policy.skew_ns = std::stoll(word.substr(5)) * kSecondNs;
    if (word.starts_with("unit=")) world_->policy.units.push_back(word.substr(5));
  }
  std::sort(world_->policy.units.begin(), world_->policy.units.end(), PathLess{});
  world_->policy.deploy_now_ns = world_->policy.code_now_ns + world_->policy.skew_ns;
}

std::string Story::replay(const std::string& line) {
  const size_t first = line.find(" | ");
  const size_t second = line.find(" | ", first + 3);
  if (first == std::string::npos || second == std::string::npos) return "a story needs two bars";
  const size_t third = line.find(" | ", second + 3);
  Story story(trimmed(line.substr(0, first)), line.substr(first + 3, second - first - 3));
  story.run(line.substr(second + 3, third == std::string::npos ? third : third - second - 3));
  story.end();
  const std::string asked = third == std::string::npos ? std::string() : trimmed(line.substr(third + 3));
  if (asked == kKilledOrNot) {
    Story whole(trimmed(line.substr(0, first)), line.substr(first + 3, second - first - 3));
    whole.run(without_kills(line.substr(second + 3, third - second - 3)));
    whole.end();
    for (const Side s : kSides) {
      if (story.world().text(s) != whole.world().text(s))
        story.problem(str("ends as\n", story.world().text(s), "without the kill:\n", whole.world().text(s)));
    }
  } else if (third != std::string::npos) {
    for (const Side s : kSides) {
      const std::string got = short_text(story.world().tree(s));
      if (got != asked) story.problem(str(to_string(s), " ends as ", got));
    }
  }
  return story.problems();
}

void Story::problem(const std::string& text) {
  if (!text.empty()) problems_ += text + "\n";
}

void Story::told(const std::string& statements) {
  line_ += statements;
}

void Story::run(const std::string& statements) {
  std::istringstream all(statements);
  for (std::string one; std::getline(all, one, ';');) {
    if (const auto text = trimmed(one); !text.empty()) statement(text);
  }
}

void Story::statement(const std::string& text) {
  line_ += text + "; ";
  if (text == "sync") return sync(SIZE_MAX);
  if (text.starts_with("kill ")) return sync(std::stoul(text.substr(5)));
  if (text == "to-deploy") return one_way(Direction::to_deploy);
  if (text == "to-code") return one_way(Direction::to_code);
  if (text == "plan") {
    held_ = plan();
  } else if (text == "apply" && held_) {
    const auto written = world_->contents();
    world_->carry_out(*held_);  // what was changed meanwhile is refused, which is no problem
    held_.reset();
    check_kept(written, fresh(*world_), "apply");
  } else {
    edit(*world_, text + ";");
  }
}

Plan Story::plan() {
  auto states = world_->scan();
  Plan plan = make_plan(states, world_->policy);
  const std::string text = neutral_text(plan, false);
  if (describe(plan) != describe(make_plan(states, world_->policy))) problem("two plans of the same differ");
  const auto conflicts = world_->policy.conflicts;
  if (conflicts == ConflictPolicy::code_server || conflicts == ConflictPolicy::deploy_server) {
    for (PathState& state : states) state = mirrored(std::move(state));
    const std::string swapped = neutral_text(make_plan(states, mirrored(world_->policy)), true);
    if (swapped != text) problem(str("straight:\n", text, "mirrored:\n", swapped));
  }
  return plan;
}

void Story::check_kept(const std::set<std::string>& written, const std::set<std::string>& news, const char* when) {
  const auto kept = world_->contents();
  const auto stands = standing(*world_);
  for (const auto& content : written) {
    if (!kept.contains(content)) problem(str(when, " lost ", content));
  }
  for (const auto& content : news) {
    const bool precious = std::any_of(world_->displaced.begin(), world_->displaced.end(), [&](const auto& item) {
      return item.first == content && (item.second == LoserCause::conflict || item.second == LoserCause::edit_deleted);
    });
    if (!stands.contains(content) && !precious) problem(str(when, " keeps ", content, " as if it had been superseded"));
  }
}

void Story::sync(size_t limit) {
  const Plan plan = this->plan();
  const auto written = world_->contents();
  const auto news = fresh(*world_);
  const ReferencePlan reference =
      reference_plan(world_->base, world_->tree(Side::code), world_->tree(Side::deploy), world_->policy);
  World whole = *world_;
  whole.displaced.clear();
  problem(whole.carry_out(plan));
  if (!world_->policy.units.empty()) {
    problem(unit_problems(*world_, whole, plan));
  } else if (!has_hard_links(*world_)) {
    problem(differences(reference, facts_of(plan, whole)));
  }
  world_->carry_out(plan, limit);
  check_kept(written, news, "the cycle");
}

void Story::one_way(Direction direction) {
  const Side untouched = direction == Direction::to_deploy ? Side::code : Side::deploy;
  const std::string before = world_->text(untouched);
  const auto written = world_->contents();
  const auto news = fresh(*world_);
  const ReferencePlan reference =
      reference_plan(world_->base, world_->tree(Side::code), world_->tree(Side::deploy), world_->policy);
  const bool linked = has_hard_links(*world_) || !world_->policy.units.empty();  // what the reference knows nothing of
  Plan plan = this->plan();
  filter_direction(plan, direction);
  problem(world_->carry_out(plan));
  if (world_->text(untouched) != before) problem("the side that was not to be changed was");
  const bool waits = std::any_of(reference.renames.begin(), reference.renames.end(),
                                 [&](const auto& r) { return r.starts_with(to_string(untouched)); });
  const Side changed = other(untouched);
  const std::string end = to_text(reference.end[static_cast<size_t>(changed)]);
  if (!waits && !linked && world_->text(changed) != end) {
    problem(str("one way, reference:\n", end, "real:\n", world_->text(changed)));
  }
  check_kept(written, news, "one way");
}

void Story::end() {
  line_ += "(end) ";
  sync(SIZE_MAX);
  sync(SIZE_MAX);
  // A name in a unit that breaks off moves the ctime of those outside, which are recorded one cycle later (R148).
  if (!world_->policy.units.empty() && has_hard_links(*world_)) sync(SIZE_MAX);
  const Plan rest = plan();
  if (!rest.operations.empty() || !rest.agreements.empty()) {
    problem(str("still to do:\n", describe(rest), world_->agreements_text()));
  }
  // Names in a unit and outside may be linked on one side alone (R148).
  const auto text = [this](Side s) {
    return world_->policy.units.empty() ? world_->text(s) : without_links(world_->text(s));
  };
  if (rest.parked.empty() && !holds_special(*world_) && text(Side::code) != text(Side::deploy)) {
    problem(str("sides differ:\n", world_->text(Side::code), "---\n", world_->text(Side::deploy)));
  }
}

}  // namespace twsync::testing
