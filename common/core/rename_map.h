#pragma once
// The working rows as a map while renames are found and followed. Invariant: a view's path is where that side holds the
// entry after the renames accepted so far were applied on it.

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "common/base/rel_path.h"
#include "common/core/work_table.h"

namespace twsync {

/// `side` is where it is applied: what stands there at `from` goes to `to` with its base rows, and so do the base rows
/// at `base_from`, where nothing stands any more.
struct Move {
  Side side = Side::deploy;
  std::string base_from;
  std::string from;
  std::string to;
  bool agreed = false;   ///< both sides moved it there themselves: only the base rows follow
  std::string recorded;  ///< apart(): where the base rows go before anything is applied

  bool apart() const { return agreed || from != base_from; }
};

class RenameMap {
 public:
  using Rows = std::map<std::string_view, Row, PathLess>;

  explicit RenameMap(WorkTable& table);
  const Rows& rows() const { return rows_; }
  Row* find(std::string_view path);
  bool has_base_at_or_below(std::string_view path) const;
  /// `path` as the base calls it before anything of the plan is applied.
  std::string recorded_place(std::string_view path) const;
  /// Moves base rows and the moved side's views; see the invariant above.
  void apply(const Move& move);
  /// The rows back in the table, in order.
  void release(WorkTable& table);

 private:
  struct Lifted {
    std::string rest;  ///< path below the moved one, "" = itself
    const BaseRow* base = nullptr;
    View view;
    std::string_view recorded;
  };
  std::vector<Lifted> lift_base(const Move& move);
  std::vector<Lifted> lift_views(const Move& move);
  Row& place(const Move& move, const Lifted& item);
  std::string_view own(std::string path);
  Row& at(const std::string& to, const std::string& rest);

  Rows rows_;
  std::deque<std::string> names_;
};

}  // namespace twsync
