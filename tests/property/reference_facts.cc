// The same facts of the reference plan and of the real one, and how they differ.

#include "common/base/text.h"
#include "tests/property/reference_planner.h"
#include "tests/property/reference_trees.h"

namespace twsync::testing {

namespace {

const char* winner_of(const Conflict& c) {
  return c.winner == ConflictWinner::none ? "none" : c.winner == ConflictWinner::code ? "code" : "deploy";
}

std::string verdicts(const ReferencePlan& plan) {
  std::string text;
  for (const auto& [path, verdict] : plan.verdicts) {
    if (!verdict.empty()) text += str(path, ": ", verdict, "\n");
  }
  return text;
}

std::string kept(const ReferencePlan& plan) {
  std::string text;
  for (const auto& [content, cause] : plan.kept) text += str(content, " ", to_string(cause), "\n");
  return text;
}

std::string renames(const ReferencePlan& plan) {
  std::string text;
  for (const auto& rename : plan.renames) text += rename + "\n";
  return text;
}

}  // namespace

ReferencePlan facts_of(const Plan& plan, World& world) {
  ReferencePlan facts;
  for (const Conflict& c : plan.conflicts) facts.verdicts[c.path] += str(c.rule, " ", winner_of(c), " ");
  for (const ParkedItem& p : plan.parked) {
    if (p.reason == ParkedReason::kind_unsupported) facts.verdicts[p.path] += "unsupported ";
  }
  for (const Operation& op : plan.operations) {
    if (op.kind == OpKind::rename) {
      facts.renames.insert(str(to_string(op.side), " ", op.from, " > ", op.path));
    } else if (op.kind != OpKind::set_metadata) {
      facts.verdicts[op.path] += str("to ", to_string(op.side), " ");
    }
  }
  for (const Side s : kSides) facts.end[static_cast<size_t>(s)] = world.tree(s);
  facts.kept.insert(world.displaced.begin(), world.displaced.end());
  return facts;
}

std::string differences(const ReferencePlan& reference, const ReferencePlan& real) {
  if (reference.unseen) return {};
  std::string out;
  const auto compare = [&out](const std::string& what, const std::string& a, const std::string& b) {
    if (a != b) out += str(what, ", reference:\n", a, "real:\n", b);
  };
  compare("renames", renames(reference), renames(real));
  compare("verdicts", verdicts(reference), verdicts(real));
  compare("kept", kept(reference), kept(real));
  for (const Side s : kSides) {
    const auto i = static_cast<size_t>(s);
    compare(str("end of ", to_string(s)), to_text(reference.end[i]), to_text(real.end[i]));
  }
  return out;
}

}  // namespace twsync::testing
