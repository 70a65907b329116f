#include "common/base/json_members.h"

#include <charconv>
#include <cstdint>

namespace twsync {

namespace {

void append_utf8(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0U | (point >> 6U));
    out += static_cast<char>(0x80U | (point & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | (point >> 12U));
    out += static_cast<char>(0x80U | ((point >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (point & 0x3FU));
  }
}

class Members {
 public:
  explicit Members(std::string_view line) : rest_(line) {}

  std::optional<std::map<std::string, std::string>> run() {
    std::map<std::string, std::string> out;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      std::string name;
      std::string value;
      if (!out.empty() && !take(',')) return std::nullopt;
      if (!text(name) || !take(':') || !(text(value) || other(value))) return std::nullopt;
      out[name] = std::move(value);
    }
    return rest_.empty() ? std::optional(std::move(out)) : std::nullopt;
  }

 private:
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool text(std::string& out) {
    if (!take('"')) return false;
    while (!take('"')) {
      if (rest_.empty()) return false;
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c != '\\') {
        out += c;
      } else if (!escaped(out)) {
        return false;
      }
    }
    return true;
  }

  // What JsonObject escapes: quotes, backslashes, and characters below U+10000 by number.
  bool escaped(std::string& out) {
    if (!rest_.starts_with('u')) {
      if (!rest_.starts_with('"') && !rest_.starts_with('\\')) return false;
      out += rest_.front();
      rest_.remove_prefix(1);
      return true;
    }
    uint32_t point = 0;
    const std::string_view digits = rest_.substr(1, 4);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), point, 16).ptr;
    if (digits.size() != 4 || end != digits.data() + 4) return false;
    append_utf8(out, point);
    rest_.remove_prefix(5);
    return true;
  }

  /// A number, a word, or an object or array as it stands.
  bool other(std::string& out) {
    size_t depth = 0;
    while (!rest_.empty() && (depth > 0 || (rest_.front() != ',' && rest_.front() != '}'))) {
      const std::string_view before = rest_;
      std::string ignored;
      if (rest_.front() == '"') {
        if (!text(ignored)) return false;
      } else {
        if (rest_.front() == '{' || rest_.front() == '[') ++depth;
        if (depth > 0 && (rest_.front() == '}' || rest_.front() == ']')) --depth;
        rest_.remove_prefix(1);
      }
      out += before.substr(0, before.size() - rest_.size());
    }
    return depth == 0 && !out.empty();
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::map<std::string, std::string>> json_members(std::string_view line) {
  return Members(line).run();
}

}  // namespace twsync
