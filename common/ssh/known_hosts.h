#pragma once
// Our own known_hosts file: lines in OpenSSH's format, written only after a person (or --accept-fingerprint) agreed.

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace twsync {

/// "host", or "[host]:port" for a port other than 22.
std::string known_hosts_name(const std::string& host, uint16_t port);
bool known_hosts_readable(const std::string& path);
/// `text` with every line of that host replaced by `line` (one or more lines). Other lines stay byte for byte.
std::string replace_known_host(const std::string& text, const std::string& host, uint16_t port,
                               const std::string& line);
/// `text` without the lines of that host.
std::string without_known_host(const std::string& text, const std::string& host, uint16_t port);
/// Atomic; 0600. The host's older keys are dropped: whoever confirmed this one confirmed that.
Status trust_host_key(const std::string& path, const std::string& host, uint16_t port, const std::string& line);
/// Lines of that host ("" = none).
Result<std::string> known_host_lines(const std::string& path, const std::string& host, uint16_t port);

}  // namespace twsync
