#include "producers/cli/pair_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "common/app/shell_assignments.h"
#include "common/base/text.h"
#include "producers/cli/base_facts.h"

namespace twsync {

namespace {

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), {}, 0};
}

std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string memory_file(const Config& config, const std::string& name) {
  return str(config.state_dir, "/pairs/", name, "/pair.sh");
}

std::string memory_text(const PairConfig& pair) {
  std::string out = "# Written by twsync sync: the pair that was given on the command line.\n";
  const auto add = [&](const char* name, std::string_view value) { out += str(name, "=", quoted(value), "\n"); };
  add("CODE_PATH", pair.code_path);
  add("DEPLOY_PATH", pair.deploy.path);
  if (!pair.deploy.local) {
    add("HOST", pair.deploy.host);
    add("USER", pair.deploy.user);
    add("PORT", str(pair.deploy.port));
    add("SSH_KEY", pair.ssh_key);
    add("KNOWN_HOSTS", pair.known_hosts);
  }
  add("POLICY", to_string(pair.policy));
  for (const auto& pattern : pair.exclude) add("EXCLUDE", pattern);
  return out;
}

Status write_atomically(const std::string& path, const std::string& text) {
  const std::string temporary = str(path, ".", static_cast<int64_t>(::getpid()));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return error_from_errno(errno, "cannot note the pair", temporary);
  Status status;
  for (std::string_view left = text; !left.empty();) {
    const ssize_t wrote = ::write(fd, left.data(), left.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      status = error_from_errno(errno, "cannot note the pair", temporary);
      break;
    }
    left.remove_prefix(static_cast<size_t>(wrote));
  }
  if (status.ok() && ::fsync(fd) != 0) status = error_from_errno(errno, "cannot note the pair", temporary);
  ::close(fd);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
    status = error_from_errno(errno, "cannot note the pair", path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

Status apply(PairConfig& pair, const Assignment& a) {
  if (a.name == "CODE_PATH") {
    pair.code_path = a.value;
  } else if (a.name == "DEPLOY_PATH") {
    pair.deploy.path = a.value;
  } else if (a.name == "HOST") {
    pair.deploy.local = false;
    pair.deploy.host = a.value;
    if (!is_safe_host(a.value)) return usage("bad host in the noted pair");
  } else if (a.name == "USER") {
    pair.deploy.user = a.value;
    if (!a.value.empty() && !is_safe_user(a.value)) return usage("bad user in the noted pair");
  } else if (a.name == "PORT") {
    const auto parsed = std::from_chars(a.value.data(), a.value.data() + a.value.size(), pair.deploy.port);
    if (parsed.ec != std::errc() || pair.deploy.port == 0) return usage("bad port in the noted pair");
  } else if (a.name == "SSH_KEY") {
    pair.ssh_key = a.value;
  } else if (a.name == "KNOWN_HOSTS") {
    pair.known_hosts = a.value;
  } else if (a.name == "POLICY") {
    SYNC_ASSIGN(pair.policy, parse_policy(a.value));
  } else if (a.name == "EXCLUDE") {
    pair.exclude.push_back(a.value);
  }
  return {};  // a name of a later version is no reason to lose the pair
}

Result<PairConfig> recall(const Config& config, const std::string& name) {
  const std::string file = memory_file(config, name);
  SYNC_ASSIGN(const auto text, read_trusted_file(file));
  SYNC_ASSIGN(const auto assignments, parse_assignments(text, file));
  // Everything that the memory does not hold (limits, retention) comes from the configuration, as at the first run.
  PairConfig pair;
  pair.name = name;
  pair.deploy.local = true;
  fill_pair(config, pair);
  pair.exclude.clear();
  for (const auto& assignment : assignments) SYNC_TRY(apply(pair, assignment));
  return pair;
}

std::vector<std::string> remembered_names(const Config& config) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(config.state_dir + "/pairs", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (is_pair_name(name) && ::access(memory_file(config, name).c_str(), F_OK) == 0) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool same_roots(const PairConfig& a, const PairConfig& b) {
  const auto& x = a.deploy;
  const auto& y = b.deploy;
  return a.code_path == b.code_path && x.local == y.local && x.path == y.path &&
         (x.local || (x.host == y.host && x.port == y.port && x.user == y.user));
}

}  // namespace

Status remember_pair(const Config& config, const PairConfig& pair) {
  SYNC_TRY(make_private_directory(config.state_dir));
  SYNC_TRY(make_private_directory(config.state_dir + "/pairs"));
  SYNC_TRY(make_private_directory(pair.state_dir));
  const std::string file = memory_file(config, pair.name);
  const std::string text = memory_text(pair);
  if (::access(file.c_str(), F_OK) == 0) {
    const auto present = read_trusted_file(file);
    if (present.ok() && *present == text) return {};
  }
  return write_atomically(file, text);
}

Result<PairConfig> find_pair(const Config& config, const std::string& name) {
  if (const PairConfig* configured = config.find(name)) return *configured;
  const auto remembered = remembered_names(config);
  if (std::find(remembered.begin(), remembered.end(), name) != remembered.end()) return recall(config, name);
  for (const auto& pair : config.misconfigured) {
    if (pair.name == name) return config.why_not(name);
  }
  std::vector<std::string> known = remembered;
  for (const auto& pair : config.pairs) known.push_back(pair.name);
  std::string message = str("no pair is named '", escape_bytes(name), "'");
  const std::string guess = nearest(name, known);
  if (!guess.empty()) message += str(", did you mean '", guess, "'?");
  if (known.empty()) message += ": none is configured, and none was synced here before";
  return usage(message);
}

Result<std::vector<PairConfig>> select_pairs(const Config& config, const std::string& name) {
  std::vector<PairConfig> out;
  if (!name.empty()) {
    SYNC_ASSIGN(out.emplace_back(), find_pair(config, name));
    return out;
  }
  out = config.pairs;
  for (const auto& remembered : remembered_names(config)) {
    if (config.find(remembered) != nullptr) continue;
    SYNC_ASSIGN(auto pair, recall(config, remembered));
    // What never reached the other server was mistyped, or is still to be: known by its name, and to nobody else.
    if (was_claimed(pair)) out.push_back(std::move(pair));
  }
  return out;
}

PairConfig prefer_configured(const Config& config, PairConfig pair) {
  for (PairConfig configured : config.pairs) {
    const std::string code = pair.code_path;
    if (prepare_pair(config, configured).ok() && same_roots(configured, pair)) return configured;
  }
  return pair;
}

}  // namespace twsync
