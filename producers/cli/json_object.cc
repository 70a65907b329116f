#include "producers/cli/json_object.h"

#include <cstdio>
#include <ctime>

namespace twsync {

std::string json_text(std::string_view text) {
  std::string replaced;
  if (!is_utf8(text)) {
    replaced = escape_bytes(text);
    text = replaced;
  }
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", byte);
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  members_ += str(json_text(name), ":", json);
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) { return raw(name, json_text(value)); }

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

JsonObject& JsonObject::time(std::string_view name, int64_t wall_ns) { return text(name, utc_text(wall_ns)); }

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
