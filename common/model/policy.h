#pragma once
// What a person may choose about deciding. Values only.

#include <cstdint>

namespace twsync {

enum class ConflictPolicy : uint8_t { newer = 0, code_server = 1, deploy_server = 2, manual = 3 };
const char* to_string(ConflictPolicy policy);

/// Which way operations may go; it filters the two-way plan, it never creates.
enum class Direction : uint8_t { both = 0, to_deploy = 1, to_code = 2 };
const char* to_string(Direction direction);

struct Policy {
  ConflictPolicy conflicts = ConflictPolicy::newer;
  bool preserve_owner = false;
  bool preserve_xattrs = false;
  int64_t code_now_ns = 0;  ///< wall clock of each host at the scan
  int64_t deploy_now_ns = 0;
  int64_t skew_ns = 0;  ///< deploy clock minus code clock; measured at connect
};

/// DELETE_LIMIT_*; 0 = that limit is off.
struct DeleteLimits {
  uint32_t percent = 50;
  uint64_t count = 10'000;
  uint64_t floor = 10;  ///< fewer deletions than this never trip the percentage
};

}  // namespace twsync
