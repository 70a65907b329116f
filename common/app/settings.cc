#include "common/app/settings.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>

#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

Error not_allowed(const std::string& name, const std::string& value, std::string_view allowed) {
  return Error{ErrorCode::usage, str(name, "='", escape_bytes(value), "' is not allowed: ", allowed), {}, 0};
}

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool parse_bytes(std::string_view text, uint64_t& out) {
  uint64_t factor = 1;
  if (!text.empty()) {
    const size_t unit = std::string_view("KMGT").find(text.back());
    if (unit != std::string_view::npos) {
      factor = uint64_t{1} << (10 * (unit + 1));
      text.remove_suffix(1);
    }
  }
  uint64_t number = 0;
  if (!parse_number(text, number) || number > std::numeric_limits<uint64_t>::max() / factor) return false;
  out = number * factor;
  return true;
}

using Setter = std::function<Status(Settings&, const std::string& name, const std::string& value)>;

Setter host(std::string Settings::*field) {
  return [field](Settings& s, const std::string& name, const std::string& value) -> Status {
    if (!is_safe_host(value))
      return not_allowed(name, value, "a host name or address (letters, digits, '.', '-', ':')");
    s.*field = value;
    return {};
  };
}

Setter absolute_path(std::string Settings::*field, bool may_be_empty = false) {
  return [field, may_be_empty](Settings& s, const std::string& name, const std::string& value) -> Status {
    if (!(may_be_empty && value.empty()) && (value.empty() || value[0] != '/')) {
      return not_allowed(name, value, "an absolute path");
    }
    s.*field = value;
    return {};
  };
}

template <class T>
Setter number(T Settings::*field, T low, T high) {
  return [=](Settings& s, const std::string& name, const std::string& value) -> Status {
    T parsed{};
    if (!parse_number(value, parsed) || parsed < low || parsed > high) {
      return not_allowed(name, value, str("a number from ", low, " to ", high));
    }
    s.*field = parsed;
    return {};
  };
}

Setter byte_count(uint64_t Settings::*field) {
  return [field](Settings& s, const std::string& name, const std::string& value) -> Status {
    if (!parse_bytes(value, s.*field))
      return not_allowed(name, value, "a number of bytes, with K, M, G or T at its end if wanted");
    return {};
  };
}

Setter yes_no(bool Settings::*field) {
  return [field](Settings& s, const std::string& name, const std::string& value) -> Status {
    if (value != "yes" && value != "no") return not_allowed(name, value, "yes or no");
    s.*field = value == "yes";
    return {};
  };
}

/// As split_patterns(), "\ " being a space.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string& pattern : split_patterns(text)) {
    std::string& word = words.emplace_back();
    for (size_t i = 0; i < pattern.size(); ++i)
      word += pattern[i] == '\\' && i + 1 < pattern.size() ? pattern[++i] : pattern[i];
  }
  return words;
}

Setter command(std::vector<std::string> Settings::*field) {
  return [field](Settings& s, const std::string& name, const std::string& value) -> Status {
    std::vector<std::string> words = split_words(value);
    if (!words.empty() && words[0][0] != '/')
      return not_allowed(name, value, "the absolute path of a program and its arguments (no shell: '\\ ' is a space)");
    s.*field = std::move(words);
    return {};
  };
}

Status set_user(Settings& s, const std::string& name, const std::string& value) {
  if (!value.empty() && !is_safe_user(value))
    return not_allowed(name, value, "a user name (letters, digits, '.', '_', '-')");
  s.ssh_user = value;
  return {};
}

Status set_policy(Settings& s, const std::string& name, const std::string& value) {
  auto policy = parse_policy(value);
  if (!policy) return not_allowed(name, value, "newer, code-server, deploy-server or manual");
  s.conflict_resolution = *policy;
  return {};
}

Status set_exclude(Settings& s, const std::string&, const std::string& value) {
  s.exclude = split_patterns(value);
  return {};
}

Status set_together(Settings& s, const std::string& name, const std::string& value) {
  std::vector<std::string> units = split_words(value);
  for (std::string& unit : units) {
    if (unit.size() > 1 && unit.ends_with('/')) unit.pop_back();
    if (unit.empty() || !is_valid_rel_path(unit))
      return not_allowed(name, value, "directories below the root, relative to it, without '.' or '..'");
  }
  std::sort(units.begin(), units.end(), PathLess{});
  const auto nested =
      std::adjacent_find(units.begin(), units.end(), [](const auto& a, const auto& b) { return is_at_or_below(b, a); });
  if (nested != units.end())
    return not_allowed(name, value, str("none may lie in another, as '", escape_bytes(nested[1]), "' does"));
  s.together = std::move(units);
  return {};
}

Status set_owner(Settings& s, const std::string& name, const std::string& value) {
  if (value != "auto" && value != "yes" && value != "no") return not_allowed(name, value, "auto, yes or no");
  s.preserve_owner = value == "auto" ? -1 : value == "yes" ? 1 : 0;
  return {};
}

Status set_git(Settings& s, const std::string& name, const std::string& value) {
  if (value != "exclude") return not_allowed(name, value, "exclude");
  s.git = value;
  return {};
}

Status set_watch(Settings& s, const std::string& name, const std::string& value) {
  static const std::map<std::string, WatchSource, std::less<>> kSources = {
      {"auto", WatchSource::automatic}, {"inotify", WatchSource::inotify}, {"fanotify", WatchSource::fanotify}};
  const auto found = kSources.find(value);
  if (found == kSources.end()) return not_allowed(name, value, "auto, inotify or fanotify");
  s.watch = found->second;
  return {};
}

Status set_log_level(Settings& s, const std::string& name, const std::string& value) {
  static const std::map<std::string, LogLevel, std::less<>> kLevels = {
      {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warn", LogLevel::warn}, {"error", LogLevel::error}};
  const auto found = kLevels.find(value);
  if (found == kLevels.end()) return not_allowed(name, value, "debug, info, warn or error");
  s.log_level = found->second;
  return {};
}

const std::map<std::string, Setter, std::less<>>& setters() {
  using S = Settings;
  static const std::map<std::string, Setter, std::less<>> kSetters = {
      {"CODE_SERVER", host(&S::code_server)},
      {"DEPLOY_SERVER", host(&S::deploy_server)},
      {"CODE_PATH", absolute_path(&S::code_path)},
      {"DEPLOY_PATH", absolute_path(&S::deploy_path)},
      {"SSH_USER", set_user},
      {"SSH_PORT", number<uint16_t>(&S::ssh_port, 1, 65535)},
      {"SSH_KEY", absolute_path(&S::ssh_key, true)},
      {"CONFLICT_RESOLUTION", set_policy},
      {"EXCLUDE", set_exclude},
      {"TOGETHER", set_together},
      {"DELETE_LIMIT_PERCENT", number<uint32_t>(&S::delete_limit_percent, 0, 100)},
      {"DELETE_LIMIT_COUNT", number<uint64_t>(&S::delete_limit_count, 0, 1'000'000'000)},
      {"VERSIONS_KEEP_DAYS", number<uint32_t>(&S::versions_keep_days, 1, 36'500)},
      {"VERSIONS_KEEP_BYTES", byte_count(&S::versions_keep_bytes)},
      {"PRESERVE_OWNER", set_owner},
      {"PRESERVE_XATTRS", yes_no(&S::preserve_xattrs)},
      {"PRESERVE_SETUID", yes_no(&S::preserve_setuid)},
      {"PRESERVE_HARDLINKS", yes_no(&S::preserve_hardlinks)},
      {"GIT", set_git},
      {"BANDWIDTH_LIMIT", byte_count(&S::bandwidth_limit)},
      {"TRANSFER_WORKERS", number<uint32_t>(&S::transfer_workers, 1, 16)},
      {"STALE_MINUTES", number<uint32_t>(&S::stale_minutes, 1, 100'000)},
      {"WATCH", set_watch},
      {"METRICS_PORT", number<uint16_t>(&S::metrics_port, 0, 65535)},
      {"POST_SYNC_COMMAND", command(&S::post_sync_command)},
      {"ON_CONFLICT_COMMAND", command(&S::on_conflict_command)},
      {"LOG_LEVEL", set_log_level},
  };
  return kSetters;
}

bool all_of(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Status apply_setting(Settings& settings, const std::string& name, const std::string& value) {
  const auto found = setters().find(name);
  if (found != setters().end()) return found->second(settings, name, value);
  std::vector<std::string> names;
  for (const auto& [known, setter] : setters()) names.push_back(known);
  const std::string guess = nearest(name, names);
  std::string message = str("unknown name ", escape_bytes(name));
  if (!guess.empty()) message += str(" (did you mean ", guess, "?)");
  message += "; known are";
  for (const auto& known : names) message += str(" ", known);
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

Result<ConflictPolicy> parse_policy(std::string_view text) {
  if (text == "newer") return ConflictPolicy::newer;
  if (text == "code-server") return ConflictPolicy::code_server;
  if (text == "deploy-server") return ConflictPolicy::deploy_server;
  if (text == "manual") return ConflictPolicy::manual;
  return Error{ErrorCode::usage,
               str("'", escape_bytes(text), "' is no policy: newer, code-server, deploy-server or manual"),
               {},
               0};
}

std::vector<std::string> split_patterns(std::string_view text) {
  std::vector<std::string> out;
  std::string current;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      current += c;
      current += text[++i];
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (!current.empty()) out.push_back(std::move(current));
      current.clear();
    } else {
      current += c;
    }
  }
  if (!current.empty()) out.push_back(std::move(current));
  return out;
}

bool is_safe_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && all_of(host, ".-_:") && host[0] != '-' && host[0] != '.';
}

bool is_safe_user(std::string_view user) {
  return !user.empty() && user.size() <= 64 && all_of(user, "._-") && user[0] != '-' && user[0] != '.';
}

bool is_pair_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && all_of(name, "._-") && name[0] != '-' && name[0] != '.' &&
         name[0] != '_';
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace twsync
