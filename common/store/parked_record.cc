#include <algorithm>
#include <charconv>
#include <optional>

#include "common/store/base_store.h"

namespace twsync {

namespace {

// "d0123456789-18" -> "d0123456789", 18.
struct SetName {
  std::string_view stem;
  uint64_t count = 0;
};

std::optional<SetName> parse(std::string_view id) {
  const size_t dash = id.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  SetName name{id.substr(0, dash), 0};
  const std::string_view digits = id.substr(dash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), name.count);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return name;
}

}  // namespace

bool ParkedRecord::is_named(std::string_view shown) const {
  if (shown == id) return true;
  if (reason != ParkedReason::mass_deletion) return false;
  const auto mine = parse(id);
  const auto asked = parse(shown);
  return mine && asked && mine->stem == asked->stem && asked->count <= mine->count;
}

std::vector<std::string> ParkedRecord::paths_of(std::string_view shown) const {
  const auto asked = parse(shown);
  if (shown == id || !asked || joined.size() != paths.size()) return paths;
  std::vector<std::string> out;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (joined[i] < asked->count) out.push_back(paths[i]);
  }
  return out;
}

uint64_t ParkedRecord::version_of(const std::string& path) const {
  const auto found = std::lower_bound(paths.begin(), paths.end(), path);
  if (found == paths.end() || *found != path || versions.size() != paths.size()) return 0;
  return versions[static_cast<size_t>(found - paths.begin())];
}

}  // namespace twsync
