#include "common/base/json_object.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace twsync {

namespace {

size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

void append_unicode_escape(std::string& out, uint32_t unit) {
  char buffer[12];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(unit & 0xFFFFU));
  out += buffer;
}

/// One character of more than a byte; what a terminal obeys instead of showing (C1, direction marks) is escaped.
void append_character(std::string& out, std::string_view character) {
  // Everything of the kind lies below U+10000, where one unit names it.
  if (character.size() > 3 || escape_bytes(character) == character) {
    out += character;
    return;
  }
  uint32_t point = static_cast<unsigned char>(character[0]) & (0x7FU >> character.size());
  for (size_t i = 1; i < character.size(); ++i)
    point = (point << 6U) | (static_cast<unsigned char>(character[i]) & 0x3FU);
  append_unicode_escape(out, point);
}

constexpr uint64_t kEachOne = 0x0101010101010101U;
constexpr uint64_t kEachTop = kEachOne * 0x80U;

/// Of eight bytes below 0x80: the top bit of one that is less than `least` (a borrow may mark the next one as well).
constexpr uint64_t below(uint64_t bytes, uint64_t least) {
  return (bytes - kEachOne * least) & kEachTop;
}

/// True = all of it stands in a literal as it is: no control, quote, backslash, DEL or byte of another script.
bool is_plain(std::string_view text) {
  for (uint64_t bytes = 0; !text.empty();) {
    const size_t count = std::min(text.size(), sizeof bytes);
    bytes = kEachOne * 'x';
    std::memcpy(&bytes, text.data(), count);
    const uint64_t special = bytes | below(bytes, 0x20) | below(bytes ^ kEachOne * '"', 1) |
                             below(bytes ^ kEachOne * '\\', 1) | below(bytes ^ kEachOne * 0x7F, 1);
    if ((special & kEachTop) != 0) return false;
    text.remove_prefix(count);
  }
  return true;
}

void append_with_escapes(std::string& out, std::string_view text) {
  std::string replaced;
  if (!is_utf8(text)) {
    replaced = escape_bytes(text);
    text = replaced;
  }
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const size_t length = utf8_length(c);
    if (length > 1) {
      append_character(out, text.substr(0, length));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      append_unicode_escape(out, byte);
    } else {
      out += c;
    }
    text.remove_prefix(length);
  }
}

void append_literal(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain(text)) {
    out += text;
  } else {
    append_with_escapes(out, text);
  }
  out += '"';
}

void append_digits(std::string& out, unsigned value, int digits) {
  const size_t end = out.size() + static_cast<size_t>(digits);
  out.resize(end);
  for (int i = 0; i < digits; ++i, value /= 10)
    out[end - 1 - static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string json_text(std::string_view text) {
  std::string out;
  append_literal(out, text);
  return out;
}

std::string& JsonObject::member(std::string_view name) {
  text_ += text_.size() == 1 ? "\"" : ",\"";
  text_ += name;
  text_ += "\":";
  return text_;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  member(name) += json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  append_literal(member(name), value);
  return *this;
}

JsonObject& JsonObject::path(std::string_view name, std::string_view bytes) {
  text(name, bytes);
  if (!is_utf8(bytes)) text(str(name, "_b64"), base64_encode(bytes));
  return *this;
}

JsonObject& JsonObject::seconds(std::string_view name, int64_t nanoseconds) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.3f", static_cast<double>(nanoseconds) / 1e9);
  return raw(name, buffer);
}

JsonObject& JsonObject::time(std::string_view name, int64_t wall_ns) {
  return text(name, utc_text(wall_ns));
}

std::string utc_text(int64_t wall_ns) {
  using namespace std::chrono;
  const sys_time<milliseconds> at(floor<milliseconds>(nanoseconds(wall_ns)));
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  std::string out;
  out.reserve(24);
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_digits(out += '-', static_cast<unsigned>(date.month()), 2);
  append_digits(out += '-', static_cast<unsigned>(date.day()), 2);
  append_digits(out += 'T', static_cast<unsigned>(time.hours().count()), 2);
  append_digits(out += ':', static_cast<unsigned>(time.minutes().count()), 2);
  append_digits(out += ':', static_cast<unsigned>(time.seconds().count()), 2);
  append_digits(out += '.', static_cast<unsigned>(time.subseconds().count()), 3);
  return out += 'Z';
}

}  // namespace twsync
