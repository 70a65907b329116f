#pragma once
// What a person may choose about deciding. Values only.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/model/entry.h"

namespace twsync {

enum class ConflictPolicy : uint8_t { newer = 0, code_server = 1, deploy_server = 2, manual = 3 };
const char* to_string(ConflictPolicy policy);

/// Which way operations may go; it filters the two-way plan, it never creates.
enum class Direction : uint8_t { both = 0, to_deploy = 1, to_code = 2 };
const char* to_string(Direction direction);

/// What an unclean stop of a side leaves in doubt (I15). Rounds: see BaseRow::round.
struct Doubt {
  bool active = false;
  bool fresh = false;        ///< until all that the first whole look after the stop found was dealt with
  uint32_t after_round = 0;  ///< rows of the rounds (after_round, up_to_round] may not have reached the disk before the
  uint32_t up_to_round = 0;  ///< stop
  int64_t stopped_before_ns = 0;  ///< that host's clock: what was changed from then on, somebody changed after the stop
  int64_t first_look_ns = 0;      ///< that host's clock: its file systems were mounted, and so mended, before
  bool operator==(const Doubt&) const = default;
};

struct Policy {
  ConflictPolicy conflicts = ConflictPolicy::newer;
  /// What a person decided (`resolve`): at this path and below it `decided` holds instead. Empty = nothing.
  std::string decided_path;
  ConflictPolicy decided = ConflictPolicy::newer;
  bool preserve_owner = false;
  bool preserve_xattrs = false;
  bool preserve_hardlinks = true;
  int64_t code_now_ns = 0;  ///< wall clock of each host at the scan
  int64_t deploy_now_ns = 0;
  int64_t code_scanned_ns = INT64_MAX;  ///< each host's wall clock when its scan began
  int64_t deploy_scanned_ns = INT64_MAX;
  uint64_t sender_reads_from = 16U << 20U;  ///< bytes; see R62
  int64_t skew_ns = 0;                      ///< deploy clock minus code clock; measured at connect
  Doubt code_doubt;
  Doubt deploy_doubt;
  /// Directories whose whole content is one unit (core/units.h): ordered by compare_paths, none within another.
  std::vector<std::string> units;
  /// What in a unit could not be looked at: nobody knows whether it changed.
  std::vector<std::pair<Side, std::string>> unreadable;

  ConflictPolicy conflicts_at(std::string_view path) const {
    const bool below =
        path.starts_with(decided_path) && (path.size() == decided_path.size() || path[decided_path.size()] == '/');
    return !decided_path.empty() && below ? decided : conflicts;
  }
  const Doubt& doubt(Side side) const { return side == Side::code ? code_doubt : deploy_doubt; }
};

/// DELETE_LIMIT_*; 0 = that limit is off.
struct DeleteLimits {
  uint32_t percent = 50;
  uint64_t count = 10'000;
  uint64_t floor = 10;  ///< fewer deletions than this never trip the percentage
};

}  // namespace twsync
