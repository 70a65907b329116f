#include "common/ssh/authorized_keys.h"

#include <cctype>

#include "common/base/text.h"

namespace twsync {

namespace {

bool has_tag(std::string_view line, const std::string& tag) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
  return !line.starts_with('#') && line.size() > tag.size() + 1 && line.ends_with(tag) &&
         line[line.size() - tag.size() - 1] == ' ';
}

}  // namespace

Result<std::string> authorized_line(const std::string& command, const std::string& public_line) {
  if (command.empty()) return str("restrict ", public_line);
  std::string quoted;
  for (const char c : command) {
    if (c == '\n' || c == '\r' || c == '\0')
      return Error{ErrorCode::usage, "a path in authorized_keys cannot hold a line end", command, 0};
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return str("restrict,command=\"", quoted, "\" ", public_line);
}

std::string with_line(std::string_view text, const std::string& line) {
  std::string out(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  if (out.find(str("\n", line, "\n")) != std::string::npos || out.starts_with(str(line, "\n"))) return out;
  return str(out, line, "\n");
}

std::string without_tagged(std::string_view text, const std::string& tag, const std::string& keep) {
  std::string out;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const size_t size = end == std::string_view::npos ? text.size() : end;
    const std::string_view line = text.substr(0, size);
    const size_t whole = end == std::string_view::npos ? size : size + 1;
    if (!has_tag(line, tag) || line == keep) out += text.substr(0, whole);
    text.remove_prefix(whole);
  }
  return out;
}

std::string shell_word(const std::string& word) {
  bool plain = !word.empty();
  for (const char c : word) {
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                      std::string_view("/._-+:@%,=").find(c) != std::string_view::npos);
  }
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace twsync
