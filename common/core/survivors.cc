#include "common/core/survivors.h"

namespace twsync {

namespace {

struct Beneath {
  bool lives = false;
  bool held = false;
};

bool removes_directory(const Row& row, const Decision& d) {
  return d.outcome == Outcome::take && !d.early && holds_nothing(row, d.winner) &&
         kind_of(row, other(d.winner)) == Kind::directory;
}

void keep(Decision& d, const Beneath& below) {
  if (below.lives) {  // R30: made again where it was deleted
    d.winner = other(d.winner);
    d.cause = LoserCause::ordinary;
  } else if (below.held) {  // R31
    const auto* rule = d.rule;
    d = Decision{};
    d.rule = rule;
  }
}

bool lives(const Row& row, const Decision& d) {
  switch (d.outcome) {
    case Outcome::gone:
      return false;
    case Outcome::same:
      return true;
    case Outcome::take:
      return !holds_nothing(row, d.winner);
    case Outcome::held:
      break;
  }
  return kind_of(row, Side::code) == Kind::other || kind_of(row, Side::deploy) == Kind::other;  // R32
}

}  // namespace

void keep_survivors(const std::vector<Row>& rows, const Relations& relations, std::vector<Decision>& decisions) {
  std::vector<Beneath> below(rows.size());
  for (size_t i = rows.size(); i-- > 0;) {
    if (removes_directory(rows[i], decisions[i])) keep(decisions[i], below[i]);
    if (relations.parent[i] == kNoParent) continue;
    Beneath& above = below[relations.parent[i]];
    above.lives = above.lives || below[i].lives || lives(rows[i], decisions[i]);
    above.held = above.held || below[i].held || decisions[i].outcome == Outcome::held;
  }
}

}  // namespace twsync
