#pragma once
// The scanner's memory of which ranges of a side's listing are what the base says of them: such a range is neither sent
// nor joined again. A cache: lost, it costs a full listing; old, damaged or another base's, it counts for nothing.

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/fs/listed_ranges.h"
#include "common/store/base_store.h"

namespace twsync {

/// Entries that follow each other in a listing, and all rows of the base between them.
struct KnownRange {
  Digest digest;
  uint64_t entries = 0;
  std::string first, last;  ///< paths
  template <class F>
  void fields(F&& f) {
    f(digest, entries, first, last);
  }
};

constexpr size_t kMaxRanges = 65'536;  ///< of one side: what a request may ask for
/// Whole rows are read at least so often, so that damage of the base is found (I4).
constexpr int64_t kRangesCountFor = 24 * 3600 * kSecond;

/// What is stored (FORMAT.md, "ranges-code, ranges-deploy").
struct KnownRanges {
  RowsMark rows;          ///< the base that they were compared with
  Digest rules;           ///< of what else the outcome depends on
  int64_t joined_ns = 0;  ///< wall clock: when all rows were compared last
  std::vector<KnownRange> ranges;
  template <class F>
  void fields(F&& f) {
    f(rows.number, rows.id, rules, joined_ns, ranges);
  }
};

/// Nothing when there is no file, or none that is whole.
KnownRanges load_ranges(const std::string& file, const HashKey& key);
/// Replaces the file; a crash leaves the one before, or one that counts for nothing.
Status store_ranges(const std::string& file, const HashKey& key, const KnownRanges& ranges);

/// Leaves the ranges that no row of `written` lies in.
void drop_written(std::vector<KnownRange>& ranges, std::vector<std::string> written);

}  // namespace twsync
