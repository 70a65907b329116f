#include "common/base/name.h"

#include <mutex>
#include <unordered_set>

namespace twsync {

namespace {

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

const std::string* intern(std::string_view text) {
  static auto& pool = *new std::unordered_set<std::string, Hash, std::equal_to<>>;
  static auto& mutex = *new std::mutex;
  const std::lock_guard lock(mutex);
  if (auto found = pool.find(text); found != pool.end()) return &*found;
  return &*pool.emplace(text).first;
}

const std::string* empty_name() {
  static const std::string* const kEmpty = intern("");
  return kEmpty;
}

}  // namespace

Name::Name() : text_(empty_name()) {}
Name::Name(std::string_view text) : text_(text.empty() ? empty_name() : intern(text)) {}

}  // namespace twsync
