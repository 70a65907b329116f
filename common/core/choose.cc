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

Side newer_side(const Entry& code, const Entry& deploy, const Policy& policy) {
  if (implausible(Side::code, code, policy) || implausible(Side::deploy, deploy, policy)) return Side::code;
  const bool later = on_code_clock(Side::deploy, deploy, policy) > on_code_clock(Side::code, code, policy);
  return later ? Side::deploy : Side::code;
}

std::optional<int64_t> plausible_time(Side side, const Entry& e, const Policy& policy) {
  if (implausible(side, e, policy)) return std::nullopt;
  return on_code_clock(side, e, policy);
}

std::optional<Side> conflict_winner(std::string_view path, const Entry& code, const Entry& deploy,
                                    const Policy& policy) {
  switch (policy.conflicts_at(path)) {
    case ConflictPolicy::manual:
      return std::nullopt;
    case ConflictPolicy::code_server:
      return Side::code;
    case ConflictPolicy::deploy_server:
      return Side::deploy;
    case ConflictPolicy::newer:
      break;
  }
  if (code.is_directory() || deploy.is_directory()) return Side::code;
  return newer_side(code, deploy, policy);
}

std::optional<Side> edit_or_deletion(std::string_view path, Side editor, const Policy& policy) {
  const ConflictPolicy conflicts = policy.conflicts_at(path);
  if (conflicts == ConflictPolicy::manual) return std::nullopt;
  return conflicts == ConflictPolicy::newer ? editor : preferred_side(conflicts);
}

Side metadata_winner(std::string_view path, const Entry& code, const Entry& deploy, const Policy& policy) {
  const ConflictPolicy conflicts = policy.conflicts_at(path);
  const bool by_time = conflicts == ConflictPolicy::newer || conflicts == ConflictPolicy::manual;
  return by_time && !code.is_directory() ? newer_side(code, deploy, policy) : preferred_side(conflicts);
}

}  // namespace twsync
