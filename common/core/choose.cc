#include "common/core/choose.h"

#include <cstdlib>

namespace twsync {

namespace {

constexpr int64_t kTrustNs = 2'000'000'000;          // clocks closer than this count as the same
constexpr int64_t kImplausibleNs = 300'000'000'000;  // a file dated later than its host's now + 5 minutes

int64_t host_now(Side side, const Policy& policy) {
  return side == Side::code ? policy.code_now_ns : policy.deploy_now_ns;
}

bool implausible(Side side, const Entry& e, const Policy& policy) {
  const int64_t now = host_now(side, policy);
  return now != 0 && e.mtime_ns > now + kImplausibleNs;  // 0 = that host's clock was never asked
}

/// The mtime was set by the host's own clock (not carried by cp -p, tar or a sync), so the clock's error is in it.
bool from_host_clock(const Entry& e) {
  int64_t apart = 0;
  return !__builtin_sub_overflow(e.stamp.ctime_ns, e.mtime_ns, &apart) && apart >= -kTrustNs && apart <= kTrustNs;
}

int64_t on_code_clock(Side side, const Entry& e, const Policy& policy) {
  const bool skewed = side == Side::deploy && std::llabs(policy.skew_ns) > kTrustNs && from_host_clock(e);
  return skewed ? e.mtime_ns - policy.skew_ns : e.mtime_ns;
}

}  // namespace

Side preferred_side(ConflictPolicy conflicts) {
  return conflicts == ConflictPolicy::deploy_server ? Side::deploy : Side::code;
}

std::optional<int64_t> plausible_time(Side side, const Entry& e, const Policy& policy) {
  if (implausible(side, e, policy)) return std::nullopt;
  return on_code_clock(side, e, policy);
}

Side newer_side(const Entry& code, const Entry& deploy, const Policy& policy) {
  const auto here = plausible_time(Side::code, code, policy);
  const auto there = plausible_time(Side::deploy, deploy, policy);
  return here && there && *there > *here ? Side::deploy : Side::code;
}

std::optional<Side> side_by_policy(std::string_view path, Side newer, const Policy& policy) {
  const ConflictPolicy conflicts = policy.conflicts_at(path);
  if (conflicts == ConflictPolicy::manual) return std::nullopt;
  return conflicts == ConflictPolicy::newer ? newer : preferred_side(conflicts);
}

std::optional<Side> conflict_winner(std::string_view path, const Entry& code, const Entry& deploy,
                                    const Policy& policy) {
  const bool undated = code.is_directory() || deploy.is_directory();
  return side_by_policy(path, undated ? Side::code : newer_side(code, deploy, policy), policy);
}

Side metadata_winner(std::string_view path, const Entry& code, const Entry& deploy, const Policy& policy) {
  const ConflictPolicy conflicts = policy.conflicts_at(path);
  const bool by_time = conflicts == ConflictPolicy::newer || conflicts == ConflictPolicy::manual;
  return by_time && !code.is_directory() ? newer_side(code, deploy, policy) : preferred_side(conflicts);
}

}  // namespace twsync
