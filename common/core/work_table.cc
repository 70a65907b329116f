#include "common/core/work_table.h"

#include "common/base/rel_path.h"

namespace twsync {

const Entry kNothing{};

bool holds_nothing(const Row& row, Side side) {
  return kind_of(row, side) == Kind::none;
}

uint32_t links_of(const Row& row, Side side) {
  if (kind_of(row, side) != Kind::file) return 0;
  const Entry* e = row.view[index(side)].entry;
  return e != nullptr ? e->links : row.base->side(side).links;
}

Kind kind_of(const Row& row, Side side) {
  if (const Entry* e = row.view[index(side)].entry) return e->kind;
  return row.base != nullptr ? row.base->agreed.kind : Kind::none;
}

const Entry& current(const Row& row, Side side, Entry& scratch) {
  if (const Entry* e = row.view[index(side)].entry) return *e;
  if (row.base == nullptr) return kNothing;
  scratch = held_entry(*row.base, side);
  return scratch;
}

EntryDiff diff_of(const Row& row, Side side, const Policy& policy) {
  const Entry* e = row.view[index(side)].entry;
  return e != nullptr ? diff_entry(row.base, side, *e, policy) : EntryDiff{};
}

namespace {

/// R02: what differs in nothing, not even the fingerprint, is not pending.
View normalised(const PathState& state, Side side, const Policy& policy) {
  const auto& entry = state.side(side);
  if (!entry) return {};
  const EntryDiff diff = diff_entry(state.base ? &*state.base : nullptr, side, *entry, policy);
  if (!diff.any() && !diff.stamp) return {};
  return {&*entry, &state, suspicion_of(state, side, policy)};
}

/// Directories above the current path that are gone on a side, so that base rows below are gone as well, said or not;
/// and for the same reason (R105): damage, if that is damage.
class GoneAbove {
 public:
  bool covers(std::string_view path, Side side) {
    leave(path);
    return !stack_.empty() && stack_.back().gone[index(side)];
  }
  bool is_damage(std::string_view path, Side side) {
    leave(path);
    return !stack_.empty() && stack_.back().damage[index(side)];
  }
  void push(const Row& row) {
    Level level{row.path, {false, false}, {false, false}};
    for (const Side s : {Side::code, Side::deploy}) {
      const Level* above = stack_.empty() ? nullptr : &stack_.back();
      const bool missing = kind_of(row, s) != Kind::directory;
      level.gone[index(s)] = missing || (above != nullptr && above->gone[index(s)]);
      level.damage[index(s)] = (missing && is_suspect(row, s)) || (above != nullptr && above->damage[index(s)]);
    }
    stack_.push_back(level);
  }

 private:
  struct Level {
    std::string_view path;
    bool gone[2];
    bool damage[2];
  };
  void leave(std::string_view path) {
    while (!stack_.empty() && !is_below(path, stack_.back().path)) stack_.pop_back();
  }
  std::vector<Level> stack_;
};

bool has_links(const Row& row, const Policy& policy) {
  return policy.preserve_hardlinks && (links_of(row, Side::code) > 1 || links_of(row, Side::deploy) > 1);
}

}  // namespace

WorkTable make_work_table(const std::vector<PathState>& paths, const Policy& policy) {
  WorkTable table;
  table.rows.reserve(paths.size());
  GoneAbove gone;
  for (const PathState& state : paths) {
    if (state.path.empty()) continue;  // R01
    Row row;
    row.path = state.path;
    row.base = state.base ? &*state.base : nullptr;
    row.recorded = row.path;
    for (const Side s : {Side::code, Side::deploy}) {
      row.view[index(s)] = normalised(state, s, policy);
      const bool implied = gone.covers(row.path, s) && row.base != nullptr && !state.side(s);
      if (implied) row.view[index(s)] = {&kNothing, &state};
      if (row.base != nullptr && holds_nothing(row, s) && gone.is_damage(row.path, s)) {
        row.view[index(s)].suspicion = Suspicion::whole;
      }
    }
    gone.push(row);
    if (is_pending(row) || has_links(row, policy)) table.rows.push_back(row);
  }
  return table;
}

}  // namespace twsync
