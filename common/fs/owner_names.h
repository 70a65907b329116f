#pragma once
// User and group names by id and back, remembered for the life of the object.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/base/name.h"

namespace twsync {

/// Any thread. Unknown ids are "#id"; "#id" resolves to that id.
class OwnerNames {
 public:
  Name user(uint32_t uid);
  Name group(uint32_t gid);
  /// nullopt: no such name on this host.
  std::optional<uint32_t> uid_of(const Name& name);
  std::optional<uint32_t> gid_of(const Name& name);

 private:
  std::mutex mutex_;
  std::unordered_map<uint32_t, Name> users_;
  std::unordered_map<uint32_t, Name> groups_;
  std::unordered_map<std::string, std::optional<uint32_t>> uids_;
  std::unordered_map<std::string, std::optional<uint32_t>> gids_;
};

}  // namespace twsync
