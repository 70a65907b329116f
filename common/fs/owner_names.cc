#include "common/fs/owner_names.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "common/base/text.h"

namespace twsync {

namespace {

// Calls one of the get*_r functions with a buffer that grows as it asks.
template <class Record, class Key>
bool look_up(int (*function)(Key, Record*, char*, size_t, Record**), Key key, Record& record,
             std::vector<char>& buffer) {
  buffer.resize(1024);
  for (;;) {
    Record* found = nullptr;
    const int err = function(key, &record, buffer.data(), buffer.size(), &found);
    if (err == ERANGE && buffer.size() < (1U << 20U)) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    return err == 0 && found != nullptr;
  }
}

std::optional<uint32_t> parse_id(const std::string& name) {
  if (name.size() < 2 || name[0] != '#') return std::nullopt;
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), id);
  // (uid_t)-1 means "leave it" to chown.
  if (error != std::errc{} || end != name.data() + name.size() || id == UINT32_MAX) return std::nullopt;
  return id;
}

}  // namespace

Name OwnerNames::user(uint32_t uid) {
  if (const auto* last = last_user_.load(std::memory_order_acquire); last != nullptr && last->first == uid)
    return last->second;
  std::lock_guard lock(mutex_);
  if (const auto found = users_.find(uid); found != users_.end()) {
    last_user_.store(&*found, std::memory_order_release);
    return found->second;
  }
  passwd record{};
  std::vector<char> buffer;
  const Name name(look_up(getpwuid_r, uid_t{uid}, record, buffer) ? std::string(record.pw_name) : str("#", uid));
  users_.emplace(uid, name);
  return name;
}

Name OwnerNames::group(uint32_t gid) {
  if (const auto* last = last_group_.load(std::memory_order_acquire); last != nullptr && last->first == gid)
    return last->second;
  std::lock_guard lock(mutex_);
  if (const auto found = groups_.find(gid); found != groups_.end()) {
    last_group_.store(&*found, std::memory_order_release);
    return found->second;
  }
  struct group record {};
  std::vector<char> buffer;
  const Name name(look_up(getgrgid_r, gid_t{gid}, record, buffer) ? std::string(record.gr_name) : str("#", gid));
  groups_.emplace(gid, name);
  return name;
}

std::optional<uint32_t> OwnerNames::uid_of(const Name& name) {
  if (name.empty()) return std::nullopt;
  if (name.str()[0] == '#') return parse_id(name.str());
  std::lock_guard lock(mutex_);
  if (const auto found = uids_.find(name.str()); found != uids_.end()) return found->second;
  passwd record{};
  std::vector<char> buffer;
  std::optional<uint32_t> id;
  if (look_up(getpwnam_r, name.str().c_str(), record, buffer)) id = record.pw_uid;
  uids_.emplace(name.str(), id);
  return id;
}

std::optional<uint32_t> OwnerNames::gid_of(const Name& name) {
  if (name.empty()) return std::nullopt;
  if (name.str()[0] == '#') return parse_id(name.str());
  std::lock_guard lock(mutex_);
  if (const auto found = gids_.find(name.str()); found != gids_.end()) return found->second;
  struct group record {};
  std::vector<char> buffer;
  std::optional<uint32_t> id;
  if (look_up(getgrnam_r, name.str().c_str(), record, buffer)) id = record.gr_gid;
  gids_.emplace(name.str(), id);
  return id;
}

}  // namespace twsync
