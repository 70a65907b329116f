#include "tests/property/unit_facts.h"

#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/core/units.h"
#include "tests/property/reference_trees.h"

namespace twsync::testing {

namespace {

/// Contents at and below a unit, without directories: an empty one says nothing.
std::string unit_text(World& world, Side side, const std::string& unit) {
  std::string out;
  for (const auto& [path, node] : world.tree(side)) {
    if (node.kind == Kind::directory || node.kind == Kind::other) continue;
    if (is_at_or_below(path, unit)) out += str(path, " ", to_string(node.kind), " ", node.content, "\n");
  }
  return out;
}

bool moves_to_or_from(const Plan& plan, const std::string& unit) {
  const auto meets = [&unit](const std::string& path) {
    return is_at_or_below(path, unit) || is_at_or_below(unit, path);
  };
  const auto by_rename = [&](const Operation& op) {
    return op.kind == OpKind::rename && (meets(op.path) || meets(op.from));
  };
  const auto by_agreement = [&](const Agreement& a) {
    return a.kind == AgreementKind::moved && (meets(a.path) || meets(a.from));
  };
  return std::any_of(plan.operations.begin(), plan.operations.end(), by_rename) ||
         std::any_of(plan.agreements.begin(), plan.agreements.end(), by_agreement);
}

}  // namespace

std::string unit_problems(World& before, World& after, const Plan& plan) {
  std::string out;
  for (const std::string& unit : before.policy.units) {
    if (moves_to_or_from(plan, unit)) continue;
    std::string was[2];
    std::string is[2];
    for (const Side s : kSides) {
      was[static_cast<size_t>(s)] = unit_text(before, s, unit);
      is[static_cast<size_t>(s)] = unit_text(after, s, unit);
    }
    if (is[0] == was[0] && is[1] == was[1]) continue;
    if (is[0] != is[1]) out += str("the unit ", unit, " differs:\n", is[0], "---\n", is[1]);
    if (is[0] != was[0] && is[0] != was[1]) out += str("the unit ", unit, " is a mixture:\n", is[0]);
  }
  std::map<std::pair<Side, size_t>, std::set<uint32_t>> groups;
  for (const Operation& op : plan.operations) {
    const auto unit = unit_of(before.policy, op.path);
    if (!unit || op.stage == OpStage::structure || op.stage > OpStage::removal) continue;
    if (op.stage == OpStage::early_removal && op.kind == OpKind::remove_directory) continue;
    auto& of_unit = groups[{op.side, *unit}];
    of_unit.insert(op.group);
    if (of_unit.size() > 1 || (op.group == 0 && !of_unit.insert(op.id + 1'000'000).second))
      out += str(describe(op), " stands apart from its unit\n");
  }
  return out;
}

}  // namespace twsync::testing
