#include "common/ssh/known_hosts.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/ssh/text_file.h"

namespace twsync {

namespace {

/// A plain line of exactly this host: markers (@revoked), hashed names and lists of names are somebody's own.
bool names_host(const std::string& line, const std::string& name) {
  return line.size() > name.size() && line.compare(0, name.size(), name) == 0 &&
         (line[name.size()] == ' ' || line[name.size()] == '\t');
}

}  // namespace

std::string known_hosts_name(const std::string& host, uint16_t port) {
  return port == 22 ? host : str("[", host, "]:", port);
}

bool known_hosts_readable(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0;
}

std::string without_known_host(const std::string& text, const std::string& host, uint16_t port) {
  const std::string name = known_hosts_name(host, port);
  std::string out;
  for (const std::string& line : split_lines(text)) {
    if (!names_host(line, name)) out += str(line, "\n");
  }
  return out;
}

std::string replace_known_host(const std::string& text, const std::string& host, uint16_t port,
                               const std::string& line) {
  return str(without_known_host(text, host, port), line, line.ends_with('\n') ? "" : "\n");
}

Status trust_host_key(const std::string& path, const std::string& host, uint16_t port, const std::string& line) {
  auto text = read_text_file(path);
  if (!text && text.error().code != ErrorCode::not_found) return std::move(text).error();
  return write_text_file(path, replace_known_host(text ? *text : std::string(), host, port, line), 0600);
}

Result<std::string> known_host_lines(const std::string& path, const std::string& host, uint16_t port) {
  SYNC_ASSIGN(const std::string text, read_text_file(path));
  const std::string name = known_hosts_name(host, port);
  std::string out;
  for (const std::string& line : split_lines(text)) {
    if (names_host(line, name)) out += str(line, "\n");
  }
  return out;
}

}  // namespace twsync
