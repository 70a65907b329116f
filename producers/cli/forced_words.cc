#include "producers/cli/forced_words.h"

#include <algorithm>

#include "common/app/installation.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/wire/way_back_messages.h"
#include "producers/cli/path_argument.h"

namespace twsync {

namespace {

Error denied(ForcedRights rights, const std::string& why = {}) {
  const char* sync = rights == ForcedRights::user ? "'sync', " : "";
  return Error{
      ErrorCode::denied, str("this key may only ask for ", sync, "'status' and 'publish' of its pair", why), {}, 0};
}

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._/=").find(c) != std::string_view::npos;
}

bool decode_word(std::string_view word, std::string& out) {
  out.clear();
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      out += word[i];
      continue;
    }
    std::string byte;
    if (word.size() - i < 3 || !hex_decode(word.substr(i + 1, 2), byte) || byte[0] == '\0') return false;
    out += byte;
    i += 2;
  }
  return true;
}

/// False for an option that is this server's business: which configuration, which state, which keys.
bool only_of_request(const Overrides& o, bool may_decide) {
  return o.config.empty() && o.state_dir.empty() && !o.ssh_port && o.ssh_key.empty() && o.known_hosts.empty() &&
         (may_decide || (!o.policy && o.exclude.empty()));
}

/// By text: the path is the deploy server's, and nothing of this server's own tree is looked at.
Status make_relative(std::vector<std::string>& paths, const std::string& deploy_path) {
  for (auto& path : paths) {
    std::string relative;
    if (path.empty() || path[0] != '/') {
      SYNC_ASSIGN(relative, relative_argument(path, deploy_path));
    } else if (!relative_to(absolute_path(path), absolute_path(deploy_path), relative) ||
               !is_valid_rel_path(relative)) {
      return Error{ErrorCode::usage, str("this path is not below the deploy root ", escape_bytes(deploy_path)), path,
                   0};
    }
    path = relative.empty() ? std::string(1, '.') : std::move(relative);
  }
  return {};
}

struct Check {
  const Overrides& overrides;
  const std::string& pair;
  const std::string& deploy_path;
  ForcedRights rights;

  Status operator()(PublishCommand& command) const {
    SYNC_TRY(name(command.pair));
    if (!only_of_request(overrides, false)) return denied(rights);
    command.side = Side::deploy;
    return make_relative(command.paths, deploy_path);
  }
  Status operator()(StatusCommand& command) const {
    SYNC_TRY(name(command.pair));
    if (!only_of_request(overrides, false) || command.watch) return denied(rights);
    return {};
  }
  Status operator()(SyncCommand& command) const {
    if (rights == ForcedRights::members || command.where.size() > 1 || !only_of_request(overrides, true))
      return denied(rights);
    std::string named = command.where.empty() ? "" : command.where[0];
    SYNC_TRY(name(named));
    command.where = {named};
    return make_relative(command.paths, deploy_path);
  }
  template <class Other>
  Status operator()(Other&) const {
    return denied(rights);
  }

 private:
  Status name(std::string& named) const {
    if (!named.empty() && named != pair) return denied(rights, str(", which is '", pair, "'"));
    named = pair;
    return {};
  }
};

}  // namespace

std::string forced_words(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ' ';
    for (const char c : word) out += is_plain_character(c) ? std::string(1, c) : str("%", hex_encode({&c, 1}));
  }
  return out;
}

Result<ForcedRequest> parse_forced_command(std::string_view text, const std::string& pair,
                                           const std::string& deploy_path, ForcedRights rights) {
  if (text.empty() || text.size() > kMaxForcedCommand) return denied(rights);
  std::vector<std::string> words;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(' ', start), text.size());
    if (!decode_word(text.substr(start, end - start), words.emplace_back())) return denied(rights);
    start = end + 1;
  }
  ForcedRequest out;
  out.framed = words.front() == kWayBackProtocol;
  if (out.framed) words.erase(words.begin());
  auto line = parse_command_line(words);
  if (!line.ok()) return denied(rights);
  out.line = std::move(line).value();
  SYNC_TRY(std::visit(Check{out.line.overrides, pair, deploy_path, rights}, out.line.command));
  return out;
}

namespace {

std::string path_word(const std::string& path) {
  return str("--path=", path.empty() ? "." : path);
}

}  // namespace

std::vector<std::string> sync_words(const SyncCommand& command, const Overrides& overrides,
                                    const std::vector<std::string>& paths) {
  std::vector<std::string> out = {"sync"};
  const auto add = [&out](bool wanted, const char* word) {
    if (wanted) out.push_back(word);
  };
  add(command.direction == Direction::to_deploy, "--to-deploy");
  add(command.direction == Direction::to_code, "--to-code");
  add(command.dry_run, "--dry-run");
  add(command.no_wait, "--no-wait");
  add(command.json, "--json");
  add(command.from_cron, "--from-cron");
  for (const auto& path : paths) out.push_back(path_word(path));
  if (overrides.policy) out.push_back(str("--policy=", to_string(*overrides.policy)));
  for (const auto& pattern : overrides.exclude) out.push_back(str("--exclude=", pattern));
  return out;
}

std::vector<std::string> publish_words(const PublishCommand& command, const std::vector<std::string>& paths) {
  std::vector<std::string> out = {"publish", str("--source=", to_string(command.source))};
  for (const auto& path : paths) out.push_back(path_word(path));
  return out;
}

}  // namespace twsync
