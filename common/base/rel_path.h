#pragma once
// Relative paths: bytes, '/' between names, "" is the root. Validity, order and the key that sorts them.
//
// Order everywhere (listings, base rows, plans) is the order of path_key(): depth first, names by bytes,
// a directory directly before everything below it.

#include <compare>
#include <string>
#include <string_view>

namespace twsync {

/// True for "" and for names joined by single '/': no empty, "." or ".." name, no NUL, each name <= 255 bytes.
bool is_valid_rel_path(std::string_view path);

/// True for one file name: non-empty, not "." or "..", no '/' or NUL, <= 255 bytes.
bool is_valid_name(std::string_view name);

/// "a/b/c" -> "a/b"; "a" -> "". REQUIRES: path not empty.
std::string_view parent_path(std::string_view path);

/// "a/b/c" -> "c".
std::string_view base_name(std::string_view path);

/// "a" + "b" -> "a/b"; "" + "b" -> "b".
std::string join_path(std::string_view parent, std::string_view name);

/// True when `path` lies strictly below `directory` ("" has everything but itself below it).
bool is_below(std::string_view path, std::string_view directory);
/// is_below or equal.
bool is_at_or_below(std::string_view path, std::string_view directory);

/// `path` with its leading `from` replaced by `to`. REQUIRES: is_at_or_below(path, from).
std::string replace_prefix(std::string_view path, std::string_view from, std::string_view to);

/// The path with '/' as NUL: memcmp order of keys is the order of paths.
std::string path_key(std::string_view path);
std::string path_from_key(std::string_view key);

/// Compares as the keys would, without making them.
std::strong_ordering compare_paths(std::string_view a, std::string_view b);

struct PathLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return compare_paths(a, b) < 0; }
};

}  // namespace twsync
