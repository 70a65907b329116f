#pragma once
// One gitignore pattern, compiled. Matching costs at most name length times pattern length: no exponential patterns.

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twsync {

/// Wildcards within one name: '*', '?', '[...]', '\' escapes.
class NameGlob {
 public:
  /// nullopt: an unclosed class or a trailing backslash.
  static std::optional<NameGlob> compile(std::string_view pattern);
  bool matches(std::string_view name) const;
  /// The plain name when there is no wildcard in it.
  std::optional<std::string> literal() const;
  /// ".o" for "*.o": a star and then plain bytes.
  std::optional<std::string> suffix() const;

 private:
  enum class Token : unsigned char { byte, any, star, set };
  struct Item {
    Token token = Token::byte;
    char byte = 0;
    size_t set = 0;
  };
  bool one(const Item& item, char c) const;
  std::vector<Item> items_;
  std::vector<std::bitset<256>> sets_;
};

/// A whole path: names joined by '/', "**" standing for any number of names (at the end: at least one).
class PathGlob {
 public:
  static std::optional<PathGlob> compile(std::string_view pattern);
  bool matches(std::string_view path) const;

 private:
  struct Step {
    bool any_depth = false;
    NameGlob name;
  };
  std::vector<Step> steps_;
};

}  // namespace twsync
