#pragma once
// A JSON object written as one line of text, members in the order they are added.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/text.h"

namespace twsync {

class JsonObject {
 public:
  /// Names are the program's own words: nothing in them is escaped.
  JsonObject& text(std::string_view name, std::string_view value);
  /// "name", plus "name_b64" when the bytes are not UTF-8 (then "name" is the escaped form).
  JsonObject& path(std::string_view name, std::string_view bytes);
  template <std::integral T>
  JsonObject& number(std::string_view name, T value) {
    return raw(name, str(value));
  }
  JsonObject& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  /// Three digits after the point.
  JsonObject& seconds(std::string_view name, int64_t nanoseconds);
  /// UTC, RFC 3339, with milliseconds.
  JsonObject& time(std::string_view name, int64_t wall_ns);
  JsonObject& raw(std::string_view name, std::string_view json);
  std::string str_value() const& { return text_ + '}'; }
  std::string str_value() && { return std::move(text_ += '}'); }

 private:
  std::string& member(std::string_view name);  // where its value belongs

  std::string text_ = "{";  ///< without its end
};

/// A JSON string literal; bytes that are not UTF-8 are replaced by escape_bytes().
std::string json_text(std::string_view text);

/// "[a,b]" from rendered items.
template <class Range, class Render>
std::string json_array(const Range& items, Render&& render) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += render(item);
  }
  return out + "]";
}

/// "2026-11-22T18:07:26.123Z"
std::string utc_text(int64_t wall_ns);

}  // namespace twsync
