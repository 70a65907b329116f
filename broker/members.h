#pragma once
// Who of this host belongs to the group that may publish.

#include <cstdint>
#include <optional>

namespace twsync {

/// The group's id; nullopt when there is no such group.
std::optional<uint32_t> group_id(const char* name);
/// By primary or supplementary group, as the user database says it now.
bool is_member(uint32_t uid, uint32_t primary_gid, uint32_t group);

}  // namespace twsync
