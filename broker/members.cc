#include "broker/members.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace twsync {

namespace {

constexpr size_t kRecord = 64U << 10U;
constexpr int kMostGroups = 4096;

}  // namespace

std::optional<uint32_t> group_id(const char* name) {
  std::vector<char> buffer(kRecord);
  group record{};
  group* found = nullptr;
  if (::getgrnam_r(name, &record, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
  return found->gr_gid;
}

bool is_member(uint32_t uid, uint32_t primary_gid, uint32_t group) {
  if (primary_gid == group) return true;
  std::vector<char> buffer(kRecord);
  passwd record{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &record, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return false;
  std::vector<gid_t> groups(kMostGroups);
  int count = kMostGroups;
  if (::getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) return false;
  groups.resize(static_cast<size_t>(count));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

}  // namespace twsync
