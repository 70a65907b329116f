#pragma once
// The configuration names of the product, their defaults and what values they allow. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/model/policy.h"
#include "common/model/watch_source.h"

namespace twsync {

enum class LogLevel : uint8_t { debug = 0, info = 1, warn = 2, error = 3 };

/// One configuration file's worth of values; defaults as documented in scripts/config/sync_config.sh.
struct Settings {
  std::string code_server = "192.168.100.28";
  std::string deploy_server = "192.168.100.100";
  std::string code_path = "/opt/sutazaiapp";
  std::string deploy_path = "/opt/sutazaiapp";
  std::string ssh_user;  ///< empty = the current user
  uint16_t ssh_port = 22;
  std::string ssh_key;  ///< empty = the installation's key, when it was made, else the SSH agent and default keys
  ConflictPolicy conflict_resolution = ConflictPolicy::newer;
  std::vector<std::string> exclude;
  std::vector<std::string> together;  ///< directories relative to the root, in the order of paths, none in another
  uint32_t delete_limit_percent = 50;
  uint64_t delete_limit_count = 10'000;
  uint32_t versions_keep_days = 30;
  uint64_t versions_keep_bytes = 0;  ///< 0 = 10 % of the file system
  int preserve_owner = -1;           ///< -1 = auto
  bool preserve_xattrs = false;
  bool preserve_setuid = false;
  bool preserve_hardlinks = true;
  std::string git = "exclude";
  uint64_t bandwidth_limit = 0;  ///< bytes per second
  uint32_t transfer_workers = 2;
  uint32_t stale_minutes = 10;
  WatchSource watch = WatchSource::automatic;
  uint16_t metrics_port = 0;                   ///< of 127.0.0.1; 0 = no metrics are served
  std::vector<std::string> post_sync_command;  ///< program and arguments; empty = none
  std::vector<std::string> on_conflict_command;
  LogLevel log_level = LogLevel::info;
};

/// Sets one value. The error's message says what is allowed (without file and line, which the caller knows);
/// an unknown name comes with the nearest known one.
Status apply_setting(Settings& settings, const std::string& name, const std::string& value);

Result<ConflictPolicy> parse_policy(std::string_view text);
/// Gitignore patterns separated by white space; "\ " keeps a space inside a pattern.
std::vector<std::string> split_patterns(std::string_view text);

/// Names that reach ssh: no option-like, no shell characters. `host` may be an IPv6 address.
bool is_safe_host(std::string_view host);
bool is_safe_user(std::string_view user);
/// Pair names become file names and topics: [A-Za-z0-9][A-Za-z0-9._-]*, at most 100 bytes.
bool is_pair_name(std::string_view name);

/// The candidate nearest to `word` in edit distance, or "" when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace twsync
