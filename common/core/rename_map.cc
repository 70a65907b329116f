#include "common/core/rename_map.h"

#include <iterator>
#include <utility>

namespace twsync {

namespace {

std::string rest_of(std::string_view path, std::string_view above) {
  return path == above ? std::string{} : std::string(path.substr(above.size() + 1));
}

bool is_blank(const Row& row) {
  return row.base == nullptr && row.view[0].entry == nullptr && row.view[1].entry == nullptr && !row.made[0] &&
         !row.made[1];
}

/// Without a base row "nothing stands here" is the same as "not pending".
void simplify(Row& row) {
  for (View& view : row.view) {
    if (row.base == nullptr && view.entry != nullptr && !view.entry->exists()) view = {};
  }
}

}  // namespace

RenameMap::RenameMap(WorkTable& table) : names_(std::move(table.names)) {
  for (Row& row : table.rows) rows_.emplace_hint(rows_.end(), row.path, row);
  table.rows.clear();
}

Row* RenameMap::find(std::string_view path) {
  const auto it = rows_.find(path);
  return it == rows_.end() ? nullptr : &it->second;
}

Row& RenameMap::at(const std::string& to, const std::string& rest) {
  const std::string path = rest.empty() ? to : join_path(to, rest);
  if (Row* row = find(path)) return *row;
  Row row;
  row.path = own(path);
  row.recorded = row.path;
  return rows_.emplace(row.path, row).first->second;
}

std::string_view RenameMap::own(std::string path) {
  return names_.emplace_back(std::move(path));
}

std::string RenameMap::recorded_place(std::string_view path) const {
  for (std::string_view up = path; !up.empty(); up = parent_path(up)) {
    const auto it = rows_.find(up);
    if (it == rows_.end() || it->second.base == nullptr) continue;
    return replace_prefix(path, up, std::string(it->second.recorded));
  }
  return std::string(path);
}

bool RenameMap::has_base_at_or_below(std::string_view path) const {
  for (auto it = rows_.lower_bound(path); it != rows_.end() && is_at_or_below(it->first, path); ++it) {
    if (it->second.base != nullptr) return true;
  }
  return false;
}

/// The base rows of a place that both sides have left.
std::vector<RenameMap::Lifted> RenameMap::lift_base(const Move& move) {
  std::vector<Lifted> lifted;
  for (auto it = rows_.lower_bound(move.base_from); it != rows_.end() && is_at_or_below(it->first, move.base_from);) {
    Row& row = it->second;
    if (row.base != nullptr) lifted.push_back({rest_of(it->first, move.base_from), row.base, {}, {}});
    row.base = nullptr;
    simplify(row);
    it = is_blank(row) ? rows_.erase(it) : std::next(it);
  }
  return lifted;
}

/// What the applying side holds, with the base rows that stand for it where it isn't pending.
std::vector<RenameMap::Lifted> RenameMap::lift_views(const Move& move) {
  std::vector<Lifted> lifted;
  for (auto it = rows_.lower_bound(move.from); it != rows_.end() && is_at_or_below(it->first, move.from);) {
    Row& row = it->second;
    View& view = row.view[index(move.side)];
    if (row.base != nullptr || view.entry != nullptr) {
      lifted.push_back({rest_of(it->first, move.from), row.base, view, row.recorded});
    }
    view = {};
    row.base = nullptr;
    simplify(row);
    it = is_blank(row) ? rows_.erase(it) : std::next(it);
  }
  return lifted;
}

Row& RenameMap::place(const Move& move, const Lifted& item) {
  Row& row = at(move.to, item.rest);
  if (item.base != nullptr) {
    row.base = item.base;
    row.recorded = item.recorded;
  }
  row.renaming = row.renaming || !move.agreed;
  return row;
}

void RenameMap::apply(const Move& move) {
  const auto bases = move.apart() ? lift_base(move) : std::vector<Lifted>{};
  const auto views = move.agreed ? std::vector<Lifted>{} : lift_views(move);
  // A side that made the move has its entries at the new place already: no entry there means nothing there.
  const auto says_nothing = [](View& view) {
    if (view.entry == nullptr) view.entry = &kNothing;
  };
  for (Lifted item : bases) {
    item.recorded = own(item.rest.empty() ? move.recorded : join_path(move.recorded, item.rest));
    for (View& view : place(move, item).view) says_nothing(view);
  }
  for (const Lifted& item : views) {
    Row& row = place(move, item);
    row.view[index(move.side)] = item.view;
    if (row.base != nullptr) says_nothing(row.view[index(other(move.side))]);
    simplify(row);
  }
}

void RenameMap::release(WorkTable& table) {
  table.names = std::move(names_);
  table.rows.reserve(rows_.size());
  for (auto& [path, row] : rows_) table.rows.push_back(row);
  rows_.clear();
}

}  // namespace twsync
