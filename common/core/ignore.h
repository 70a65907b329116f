#pragma once
// Ignore rules: gitignore patterns, relative to the root. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/core/glob.h"

namespace twsync {

/// One rule set in order (later rules win, '!' re-includes), as gitignore(5) at the root of the tree:
/// '*', '?', '[a-z]', '**', leading '/' or inner '/' anchors, trailing '/' = directories only, '#' comments, '\'
/// escapes. Immutable after construction; any thread. Plain names, plain paths and "*.ext" cost one hash look-up
/// however many.
class IgnoreRules {
 public:
  IgnoreRules() = default;
  /// One pattern per element. Patterns that cannot be parsed match nothing and are returned in `bad()`.
  explicit IgnoreRules(const std::vector<std::string>& patterns);

  /// Does a rule match this very path? Parents are the caller's business: a walk that prunes ignored directories
  /// never asks below them.
  bool matches(std::string_view path, bool is_directory) const;
  const std::vector<std::string>& bad() const { return bad_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Rule {
    bool negated = false;
    bool directory_only = false;
  };
  using Index = std::unordered_map<std::string, std::vector<size_t>, Hash, std::equal_to<>>;  // rule numbers, rising
  template <class Glob>
  struct Pattern {
    size_t rule;
    Glob glob;
  };

  bool add(std::string_view pattern);
  bool add_name(std::string_view pattern, size_t rule);
  bool add_path(std::string_view pattern, size_t rule);
  void look_up(const Index& index, std::string_view text, bool is_directory, size_t& last) const;
  bool counts(size_t rule, bool is_directory, size_t last) const;

  std::vector<Rule> rules_;
  Index names_;     // the last name, plain
  Index paths_;     // the whole path, plain
  Index suffixes_;  // "*" + plain
  std::vector<size_t> suffix_sizes_;
  std::vector<Pattern<NameGlob>> name_globs_;
  std::vector<Pattern<PathGlob>> path_globs_;
  std::vector<std::string> bad_;
};

/// The lines of a .twsyncignore file (LF or CRLF).
std::vector<std::string> ignore_lines(std::string_view text);

/// A path is ignored if either set ignores it or a parent of it, or if it is never synced at all
/// (`never`: exact relative paths and everything below, e.g. ".twsync", "logs").
class IgnoreFilter {
 public:
  IgnoreFilter() = default;
  IgnoreFilter(std::vector<IgnoreRules> sets, std::vector<std::string> never);

  /// This path only (for a pruning walk).
  bool ignored_here(std::string_view path, bool is_directory) const;
  /// This path or any directory above it (for a path out of the blue, such as a hint).
  bool ignored(std::string_view path, bool is_directory) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<IgnoreRules> sets_;
  std::unordered_set<std::string, Hash, std::equal_to<>> never_;
};

}  // namespace twsync
