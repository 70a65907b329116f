#pragma once
// User and group names by id and back, remembered for the life of the object.

#include <atomic>
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
  using Names = std::unordered_map<uint32_t, Name>;
  /// Most entries of a tree have one owner: found without the lock. Nothing is ever removed from the tables.
  using Last = std::atomic<const Names::value_type*>;

  std::mutex mutex_;
  Names users_;
  Names groups_;
  Last last_user_{nullptr};
  Last last_group_{nullptr};
  std::unordered_map<std::string, std::optional<uint32_t>> uids_;
  std::unordered_map<std::string, std::optional<uint32_t>> gids_;
};

}  // namespace twsync
