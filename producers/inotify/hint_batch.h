#pragma once
// Settling of raw changes into hints. Pure: time comes in, hints go out.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/rel_path.h"
#include "common/model/hint.h"

namespace twsync {

struct SettleOptions {
  int64_t quiet_ns = 20 * kMillisecond;     ///< a storm goes out after so long without a change; twice that is a rest
  int64_t longest_ns = 100 * kMillisecond;  ///< ... and at the latest so long after its first
  int64_t modify_ns = kSecond;              ///< a file held open and written to is looked at so often
  size_t limit = 10'000;                    ///< more changes than this collapse to the whole root
};

/// A single small change after a rest is due at once; storms are collected. Nothing is ever dropped: it is merged
/// into something that covers it. Not thread-safe.
class HintBatch {
 public:
  HintBatch(Side side, SettleOptions options) : side_(side), options_(options) {}

  enum class Haste : uint8_t {
    done,  ///< the change is complete (closed, moved, deleted)
    begun  ///< more of it will follow soon (created, not closed yet)
  };
  void changed(const std::string& path, bool recursive, Haste haste, int64_t now_ns);
  /// Written to, not closed: looked at when it stays open for long.
  void modified(const std::string& path, int64_t now_ns);
  void moved(const std::string& from, const std::string& to, bool recursive, int64_t now_ns);
  /// A directory moved: what is noted below `from` now stands below `to`.
  void rename_below(const std::string& from, const std::string& to);

  /// When take() has something to give; nullopt = nothing waits.
  std::optional<int64_t> due() const;
  /// What is due by `now_ns`; everything with `all`. Empty when nothing is.
  std::vector<Hint> take(int64_t now_ns, bool all = false);

 private:
  Hint hint(const std::string& path, bool recursive) const;
  void note(int64_t now_ns, Haste haste);
  bool batch_empty() const { return changed_.empty() && moves_.empty(); }
  int64_t batch_due() const;

  Side side_;
  SettleOptions options_;
  std::map<std::string, bool, PathLess> changed_;      // path -> recursive
  std::map<std::string, int64_t, PathLess> modified_;  // path -> due
  std::vector<Hint> moves_;
  bool all_done_ = true;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  int64_t last_taken_ns_ = INT64_MIN / 2;
};

}  // namespace twsync
