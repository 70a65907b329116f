#include "workers/scanner/base_join.h"

#include <algorithm>

#include "common/base/rel_path.h"
#include "common/core/suspicion.h"

namespace twsync {

BaseJoin::BaseJoin(Side side, const Policy& policy, BaseStore& base, std::vector<Scope> scopes, Sink differs, Sink read,
                   Verify verify)
    : side_(side),
      policy_(policy),
      base_(base),
      scopes_(std::move(scopes)),
      differs_(std::move(differs)),
      read_(std::move(read)),
      verify_(std::move(verify)) {}

Status BaseJoin::advance_row() {
  have_row_ = false;
  for (;;) {
    if (!cursor_) {
      if (next_scope_ == scopes_.size()) return {};
      SYNC_ASSIGN(cursor_, base_.rows(scopes_[next_scope_++]));
    }
    SYNC_ASSIGN(have_row_, cursor_->next(row_));
    if (have_row_) return {};
    cursor_.reset();
  }
}

Status BaseJoin::pass_rows_before(std::string_view path) {
  if (!have_row_ && (cursor_ || next_scope_ < scopes_.size())) SYNC_TRY(advance_row());
  while (have_row_ && compare_paths(row_.path, path) < 0) {
    vanished_.push_back({row_.path, row_.agreed.is_directory()});
    SYNC_TRY(advance_row());
  }
  return {};
}

Status BaseJoin::compare(const BaseRow* row, PathEntry&& listed) {
  ++departures_;
  if (needs_digest(row, side_, listed.entry, policy_)) return read_(std::move(listed));
  const EntryDiff diff = diff_entry(row, side_, listed.entry, policy_);
  if (diff.any() || diff.stamp) return differs_(std::move(listed));
  if (must_verify(row, side_, listed.entry, policy_)) return verify_(*row);
  --departures_;
  return {};
}

Status BaseJoin::add(PathEntry&& listed) {
  SYNC_TRY(pass_rows_before(listed.path));
  if (!have_row_ || row_.path != listed.path) return compare(nullptr, std::move(listed));
  SYNC_TRY(compare(&row_, std::move(listed)));
  return advance_row();
}

Status BaseJoin::skip(std::string_view first, std::string_view last) {
  SYNC_TRY(pass_rows_before(first));
  if (!have_row_) return {};
  cursor_->skip_past(last);
  return advance_row();
}

Status BaseJoin::finish(const std::vector<Error>& unreadable, const IgnoreFilter& filter,
                        std::vector<std::string>& ignored_rows) {
  if (!have_row_) SYNC_TRY(advance_row());
  while (have_row_) {
    vanished_.push_back({row_.path, row_.agreed.is_directory()});
    SYNC_TRY(advance_row());
  }
  for (auto& gone : vanished_) {
    const auto covers = [&](const Error& e) { return is_at_or_below(gone.path, e.path); };
    if (filter.ignored(gone.path, gone.directory)) {
      ignored_rows.push_back(std::move(gone.path));
    } else if (std::none_of(unreadable.begin(), unreadable.end(), covers)) {
      SYNC_TRY(differs_(PathEntry{std::move(gone.path), Entry{}}));
    }
  }
  vanished_.clear();
  return {};
}

}  // namespace twsync
