#include "common/core/planner.h"

#include <algorithm>

#include "common/base/rel_path.h"
#include "common/core/emit.h"
#include "common/core/reconcile.h"
#include "common/core/relations.h"
#include "common/core/renames.h"
#include "common/core/units.h"
#include "common/core/work_table.h"

namespace twsync {

namespace {

void ask(std::vector<std::string>& out, const Row& row, Side side) {
  const View& view = row.view[index(side)];
  if (view.entry != nullptr && view.origin != nullptr && view.entry->is_file() && !view.entry->digest.known()) {
    out.push_back(view.origin->path);
  }
}

/// R60: both sides' files may differ from the base and are of equal size, so only their content tells whether they
/// agree.
bool both_need_content(const Row& row, const Policy& policy) {
  if (kind_of(row, Side::code) != Kind::file || kind_of(row, Side::deploy) != Kind::file) return false;
  const EntryDiff code = diff_of(row, Side::code, policy);
  const EntryDiff deploy = diff_of(row, Side::deploy, policy);
  const auto changed = [](const EntryDiff& d) { return d.kind || d.content || d.content_unknown; };
  if (!changed(code) || !changed(deploy)) return false;
  return row.view[0].entry->size == row.view[1].entry->size;
}

/// R60: its content decides whether it was edited at all; R62: unless nothing depends on that here, as it does for the
/// rest of a unit.
bool content_decides(const Row& row, Side side, const Policy& policy) {
  if (!diff_of(row, side, policy).content_unknown) return false;
  if (unit_of(policy, row.path)) return true;
  const EntryDiff there = diff_of(row, other(side), policy);
  const bool alone = !there.kind && !there.content && !there.content_unknown;
  return !alone || !is_read_by_sender(*row.base, side, *row.view[index(side)].entry, policy);
}

bool is_racy(const Row& row, Side side, const Policy& policy) {
  const View& view = row.view[index(side)];
  if (view.entry == nullptr || !view.entry->is_file() || view.entry->digest.known()) return false;
  const int64_t scanned = side == Side::code ? policy.code_scanned_ns : policy.deploy_scanned_ns;
  return view.entry->mtime_ns > scanned - kRacyNs;
}

bool changes_content(const Row& row, Side side, const Policy& policy) {
  const EntryDiff diff = diff_of(row, side, policy);
  return diff.kind || diff.content || diff.content_unknown;
}

/// Units in which `side` changed something: what the other side has there may lose against it (R143).
std::vector<bool> changed_units(const WorkTable& table, Side side, const Policy& policy) {
  std::vector<bool> changed(policy.units.size());
  if (changed.empty()) return changed;
  for (const Row& row : table.rows) {
    const auto unit = unit_of(policy, row.path);
    if (unit && changes_content(row, side, policy)) changed[*unit] = true;
  }
  return changed;
}

/// R61: the other side changed what stands there, or something below, in its unit or a directory above, to something
/// else: it may be displaced.
std::vector<bool> may_be_displaced(const WorkTable& table, const Relations& relations, Side side,
                                   const Policy& policy) {
  std::vector<bool> there(table.rows.size());
  std::vector<bool> above(table.rows.size());
  const std::vector<bool> units = changed_units(table, other(side), policy);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const size_t parent = relations.parent[i];
    const bool changed =
        changes_content(table.rows[i], other(side), policy) || relations.below[i].changed[index(other(side))];
    const bool inherited = parent != kNoParent && above[parent];
    const auto unit = unit_of(policy, table.rows[i].path);
    there[i] = changed || inherited || (unit && units[*unit]);
    above[i] = inherited || (changed && kind_of(table.rows[i], other(side)) != Kind::directory);
  }
  return there;
}

void in_order(std::vector<std::string>& paths) {
  std::sort(paths.begin(), paths.end(), PathLess{});
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
}

}  // namespace

DigestNeeds digest_needs(const std::vector<PathState>& paths, const Policy& policy) {
  WorkTable table = make_work_table(paths, policy);
  Renames renames = follow_renames(table, policy);
  DigestNeeds needs{std::move(renames.digests[0]), std::move(renames.digests[1])};
  for (const Row& row : table.rows) {
    const bool both = both_need_content(row, policy);
    if (both || content_decides(row, Side::code, policy)) ask(needs.code, row, Side::code);
    if (both || content_decides(row, Side::deploy, policy)) ask(needs.deploy, row, Side::deploy);
  }
  const Relations relations = relate(table, policy);
  for (const Side side : {Side::code, Side::deploy}) {
    std::vector<std::string>& out = side == Side::code ? needs.code : needs.deploy;
    const auto displaced = may_be_displaced(table, relations, side, policy);
    for (size_t i = 0; i < table.rows.size(); ++i) {
      if (displaced[i] && is_racy(table.rows[i], side, policy)) ask(out, table.rows[i], side);
    }
    in_order(out);
  }
  return needs;
}

Plan make_plan(const std::vector<PathState>& paths, const Policy& policy) {
  WorkTable table = make_work_table(paths, policy);
  Renames renames = follow_renames(table, policy);
  Reconciled all = reconcile(table, policy);
  const LinkPlan links = plan_links(table, all, policy);
  return emit_plan(table, std::move(all), links, std::move(renames), policy);
}

}  // namespace twsync
