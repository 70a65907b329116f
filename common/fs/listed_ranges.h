#pragma once
// A listing cut into ranges, each named by a digest of all that it says. Who lists the same cuts it alike, so that the
// one can say "this range, as you know it" in place of its entries (PROTOCOL_AGENT.md, "Known ranges"). Pure.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/hasher.h"
#include "common/fs/side_root.h"

namespace twsync {

/// Cuts after some 256 entries, where the hash of a path says so: an entry more or less moves no other cut.
class RangeCutter {
 public:
  explicit RangeCutter(const HashKey& key) : hasher_(key) {}
  /// True: `listed` is the last one of its range.
  bool add(const PathEntry& listed);
  /// The digest of the range so far; the next entry begins another.
  Digest take();

 private:
  Hasher hasher_;
  std::string bytes_;
  size_t entries_ = 0;
};

/// As they travel in ListRequest::known: 16 bytes each.
void append_known(std::string& known, const Digest& range);

/// Stands between a listing and its sink: passes on the number of each range that `known` names, and the entries of
/// the others. Holds one range.
class RangeFold {
 public:
  /// `sink` must outlive it.
  RangeFold(const HashKey& key, std::string_view known, const SideReader::EntrySink& sink);
  Status add(std::vector<PathEntry>&& entries);
  /// After the last entry.
  Status finish();

 private:
  Status end_range();

  struct Low64 {
    size_t operator()(const Digest& digest) const { return digest.low; }
  };
  const SideReader::EntrySink& sink_;
  std::unordered_map<Digest, uint32_t, Low64> known_;
  RangeCutter cutter_;
  std::vector<PathEntry> range_;
};

}  // namespace twsync
