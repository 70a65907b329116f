#include "common/base/json_object.h"

#include <cstdio>
#include <ctime>

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

}  // namespace

std::string json_text(std::string_view text) {
  std::string replaced;
  if (!is_utf8(text)) {
    replaced = escape_bytes(text);
    text = replaced;
  }
  std::string out = "\"";
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
  return out + "\"";
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  members_ += str(json_text(name), ":", json);
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  return raw(name, json_text(value));
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
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t fraction = ((wall_ns % kSecond) + kSecond) % kSecond;
  const auto seconds = static_cast<std::time_t>((wall_ns - fraction) / kSecond);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[64];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char out[80];
  std::snprintf(out, sizeof out, "%s.%03dZ", date, static_cast<int>(fraction / 1'000'000));
  return out;
}

}  // namespace twsync
