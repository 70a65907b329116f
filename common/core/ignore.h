#pragma once
// Ignore rules: gitignore patterns, relative to the root. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace twsync {

/// One rule set in order (later rules win, '!' re-includes), as gitignore(5) at the root of the tree:
/// '*', '?', '[a-z]', '**', leading '/' or inner '/' anchors, trailing '/' = directories only, '#' comments, '\' escapes.
/// Immutable after construction; any thread.
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
  struct Rule {
    std::string pattern;      // without '!', leading and trailing '/'
    bool negated = false;
    bool directory_only = false;
    bool anchored = false;    // match the whole path, else the last name only
    bool literal = false;     // no wildcard: plain comparison
  };
  std::vector<Rule> rules_;
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
  std::vector<IgnoreRules> sets_;
  std::vector<std::string> never_;
};

}  // namespace twsync
