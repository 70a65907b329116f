#pragma once
// One scan's account of the ranges of a listing: which it need not see again, and which it may pass over the next time.

#include <memory>
#include <string>

#include "workers/scanner/known_ranges.h"
#include "workers/scanner/side_scan.h"

namespace twsync {

/// One thread. Counts for nothing (all is listed, nothing is stored) where not everything is asked for or a side is in
/// doubt (I15).
class RangeBook {
 public:
  /// Reads the stored ranges and `base`, whose rows must not change until the end (BaseStore::begin_reading). Whatever
  /// cannot be read counts for nothing.
  RangeBook(Side side, const ScanRules& rules, const ListRequest& request, BaseStore& base);

  /// For ListRequest::known.
  std::string known() const;
  /// The side says that range `number` stands as it did. peer_violation: out of order.
  Result<const KnownRange*> repeated(uint32_t number);
  /// Before an entry is joined (peer_violation: out of order), and after that or a repeated range, when `departures`
  /// is what the join has counted.
  Status listed(const PathEntry& entry);
  void joined(uint64_t departures);
  /// After the last entry, of a listing that was whole. Not being able to store is no failure: it is a cache.
  void finish();

 private:
  void end_range();
  void keep(KnownRange range);

  const std::string file_;
  HashKey key_{};
  bool counts_ = false;
  KnownRanges before_;
  KnownRanges found_;
  std::unique_ptr<RangeCutter> cutter_;
  KnownRange open_;  ///< the range that is being listed
  bool cut_ = false;
  bool unchanged_ = true;    ///< nothing in it departs from the base
  uint64_t departures_ = 0;  ///< before the entry that was joined last
  std::string last_;         ///< path
};

}  // namespace twsync
