#pragma once
// Small text tools: concatenation, escaping of raw bytes for people, base64 for JSON, hex.

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace twsync {

namespace text_detail {
inline void append(std::string& out, std::string_view piece) {
  out += piece;
}
inline void append(std::string& out, const char* piece) {
  out += piece;
}
inline void append(std::string& out, char piece) {
  out += piece;
}
template <std::integral T>
requires(!std::same_as<T, char> && !std::same_as<T, bool>) void append(std::string& out, T value) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}
}  // namespace text_detail

/// Concatenates strings, characters and integers: str("line ", 3, ": ", name).
template <class... Pieces>
std::string str(const Pieces&... pieces) {
  std::string out;
  (text_detail::append(out, pieces), ...);
  return out;
}

/// Bytes made safe for a terminal or a log: valid printable UTF-8 stays; C0, DEL, C1, bidi controls,
/// backslash and invalid UTF-8 become \n, \t, \\ or \xNN. Never contains a raw control byte.
std::string escape_bytes(std::string_view bytes);

/// True when the bytes are valid UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

std::string base64_encode(std::string_view bytes);
std::string hex_encode(std::string_view bytes);
/// Lower- or upper-case hex; empty optional-like: returns false on bad input.
bool hex_decode(std::string_view hex, std::string& out);

}  // namespace twsync
