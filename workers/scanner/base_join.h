#pragma once
// The merge-join of a listing with the base: which entries of a side differ from what the base says of it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/core/ignore.h"
#include "common/core/planner.h"
#include "common/store/base_store.h"

namespace twsync {

/// Feeds on one side's listing in compare_paths order and on the base rows of the same scopes, both as ordered
/// streams: nothing is looked up, memory is bounded by what differs.
///
/// Yields through the callbacks: `differs` = an entry to report; `read` = an entry whose content a decision needs (the
/// caller reads and reports it); `verify` = an entry in doubt that looks as recorded (the caller reads it and reports
/// it if its content is not the row's). Vanished rows are known only at the end (`finish`), when the listing has said
/// what it could not read: those stay unknown, never deleted (I5).
class BaseJoin {
 public:
  using Sink = std::function<Status(PathEntry&&)>;
  using Verify = std::function<Status(const BaseRow&)>;
  BaseJoin(Side side, const Policy& policy, BaseStore& base, std::vector<Scope> scopes, Sink differs, Sink read,
           Verify verify);

  Status add(PathEntry&& listed);
  /// In place of the entries from `first` to `last`, which are what the base says. REQUIRES: the scope is everything.
  Status skip(std::string_view first, std::string_view last);
  /// How many entries and rows so far are not as the other says.
  uint64_t departures() const { return departures_ + vanished_.size(); }
  /// After the last entry. `unreadable`: what is at or below is unknown. `filter`: rows it ignores go to
  /// `ignored_rows`.
  Status finish(const std::vector<Error>& unreadable, const IgnoreFilter& filter,
                std::vector<std::string>& ignored_rows);

 private:
  Status advance_row();
  Status pass_rows_before(std::string_view path);
  Status compare(const BaseRow* row, PathEntry&& listed);

  const Side side_;
  const Policy policy_;
  BaseStore& base_;
  const std::vector<Scope> scopes_;
  const Sink differs_;
  const Sink read_;
  const Verify verify_;
  size_t next_scope_ = 0;
  std::unique_ptr<BaseStore::Cursor> cursor_;
  BaseRow row_;
  bool have_row_ = false;
  uint64_t departures_ = 0;
  struct Vanished {
    std::string path;
    bool directory;
  };
  std::vector<Vanished> vanished_;
};

}  // namespace twsync
