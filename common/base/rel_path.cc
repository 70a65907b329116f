#include "common/base/rel_path.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace twsync {

namespace {

/// How many bytes both begin with; paths of one directory share most of theirs.
size_t same_bytes(const char* a, const char* b, size_t size) {
  size_t at = 0;
  for (uint64_t x = 0, y = 0; at + sizeof x <= size; at += sizeof x) {
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    if (x != y) break;
  }
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

}  // namespace

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

bool is_valid_rel_path(std::string_view path) {
  if (path.empty()) return true;
  for (;;) {
    const size_t slash = path.find('/');
    if (!is_valid_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::string_view parent_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string join_path(std::string_view parent, std::string_view name) {
  if (parent.empty()) return std::string(name);
  std::string out;
  out.reserve(parent.size() + 1 + name.size());
  out += parent;
  out += '/';
  out += name;
  return out;
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory.empty()) return !path.empty();
  return path.size() > directory.size() + 1 && path[directory.size()] == '/' && path.starts_with(directory);
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path == directory || is_below(path, directory);
}

std::string replace_prefix(std::string_view path, std::string_view from, std::string_view to) {
  if (path == from) return std::string(to);
  return join_path(to, from.empty() ? path : path.substr(from.size() + 1));
}

std::string path_key(std::string_view path) {
  std::string key(path);
  std::replace(key.begin(), key.end(), '/', '\0');
  return key;
}

std::string path_from_key(std::string_view key) {
  std::string path(key);
  std::replace(path.begin(), path.end(), '\0', '/');
  return path;
}

std::strong_ordering compare_paths(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  const size_t at = same_bytes(a.data(), b.data(), common);
  if (at == common) return a.size() <=> b.size();
  const auto rank = [](char c) { return c == '/' ? 0u : static_cast<unsigned char>(c); };
  return rank(a[at]) <=> rank(b[at]);
}

}  // namespace twsync
