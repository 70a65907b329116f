// Ad hoc pairs and the checks that every pair passes before it is touched.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "common/app/config.h"
#include "common/app/installation.h"
#include "common/base/hasher.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"

namespace twsync {

namespace {

Error usage(std::string message, std::string path = {}) {
  return Error{ErrorCode::usage, std::move(message), std::move(path), 0};
}

/// The longest existing part resolved, the rest by text: a state directory need not exist yet.
std::string canonical(const std::string& path) {
  const std::string full = absolute_path(path);
  for (size_t end = full.size(); end > 0; end = full.rfind('/', end - 1)) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(full.substr(0, end).c_str(), nullptr), std::free);
    if (real) return absolute_path(str(real.get(), "/", full.substr(end)));
  }
  return full;
}

Result<std::string> existing_directory(const std::string& path, const char* what) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return usage(str(what, ": ", error_from_errno(errno, "cannot open").message), path);
  if (!S_ISDIR(info.st_mode)) return usage(str(what, " is not a directory"), path);
  return canonical(path);
}

bool at_or_below(const std::string& path, const std::string& ancestor) {
  std::string relative;
  return relative_to(path, ancestor, relative);
}

/// "[user@]host" into its parts, checked.
Status user_and_host(std::string_view text, DeployTarget& out) {
  const size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    out.user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (!is_safe_user(out.user))
      return usage(str("'", escape_bytes(out.user), "' is no user name that is passed to SSH"));
  }
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  out.host = text;
  if (!is_safe_host(out.host))
    return usage(str("'", escape_bytes(out.host), "' is no host name that is passed to SSH"));
  return {};
}

Result<DeployTarget> parse_url(std::string_view rest, DeployTarget out) {
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return usage("an ssh:// target needs a path: ssh://[user@]host[:port]/dir");
  std::string_view authority = rest.substr(0, slash);
  out.path = rest.substr(slash);
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = authority.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || out.port == 0) {
      return usage(str("'", escape_bytes(port), "' is no port: 1 to 65535"));
    }
    authority = authority.substr(0, colon);
  }
  SYNC_TRY(user_and_host(authority, out));
  return out;
}

std::string root_text(const DeployTarget& target) {
  return target.local ? str("local\n", target.path)
                      : str("ssh\n", target.user, "\n", target.host, "\n", target.port, "\n", target.path);
}

std::string hex64(uint64_t value) {
  char bytes[8];
  for (int i = 7; i >= 0; --i, value >>= 8U) bytes[i] = static_cast<char>(value & 0xFFU);
  return hex_encode({bytes, sizeof bytes});
}

/// The roots' last names stay readable in the pair's name; the hash makes it unique.
std::string readable(std::string_view root) {
  std::string out;
  for (const char c : base_name(root)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (plain && out.size() < 32 && !(out.empty() && (c == '.' || c == '-' || c == '_'))) out += c;
  }
  return out.empty() ? "root" : out;
}

Status check_apart(const std::string& code, const std::string& deploy, const std::string& state) {
  if (code == deploy) return usage("both roots are the same directory", code);
  if (at_or_below(deploy, code))
    return usage(str("the deploy root lies inside the code root ", escape_bytes(code)), deploy);
  if (at_or_below(code, deploy))
    return usage(str("the code root lies inside the deploy root ", escape_bytes(deploy)), code);
  if (at_or_below(deploy, state))
    return usage(str("the deploy root lies inside the state directory ", escape_bytes(state)), deploy);
  return {};
}

}  // namespace

Result<DeployTarget> parse_target(const std::string& target, uint16_t port) {
  DeployTarget out;
  out.port = port;
  if (target.empty()) return usage("the target is empty");
  if (target.find('\0') != std::string::npos) return usage("the target contains a NUL byte");
  if (target.starts_with("ssh://")) return parse_url(std::string_view(target).substr(6), std::move(out));
  if (target.find("://") != std::string::npos) return usage("of URLs only ssh:// is known", target);
  const size_t bracket = target.find("]:");
  const size_t colon = target.find('[') < bracket && bracket != std::string::npos ? bracket + 1 : target.find(':');
  // As with scp: a ':' before the first '/' names a host; write ./a:b for a local directory of that name.
  if (colon == std::string::npos || target.find('/') < colon) {
    out.local = true;
    out.path = absolute_path(target);
    return out;
  }
  SYNC_TRY(user_and_host(std::string_view(target).substr(0, colon), out));
  out.path = target.substr(colon + 1);
  if (out.path.empty()) return usage("the target needs a directory after the ':'", target);
  return out;
}

Result<PairConfig> ad_hoc_pair(const Config& config, const std::string& directory, const std::string& target) {
  PairConfig pair;
  SYNC_ASSIGN(pair.deploy, parse_target(target, config.settings.ssh_port));
  if (!pair.deploy.local && pair.deploy.user.empty()) pair.deploy.user = config.settings.ssh_user;
  if (directory.empty()) return usage("the code directory is empty");
  pair.code_path = canonical(directory);
  if (pair.deploy.local) pair.deploy.path = canonical(pair.deploy.path);
  const std::string both = str(pair.code_path, "\n", root_text(pair.deploy));
  pair.name = str(readable(pair.code_path), "-", hex64(stable_hash64(both)));
  fill_pair(config, pair);
  return pair;
}

Status prepare_pair(const Config& config, PairConfig& pair) {
  SYNC_ASSIGN(pair.code_path, existing_directory(pair.code_path, "the code root"));
  const std::string state = canonical(config.state_dir);
  if (pair.code_path == "/") return usage("the whole file system cannot be a root", pair.code_path);
  if (at_or_below(pair.code_path, state)) {
    return usage(str("the code root lies inside the state directory ", escape_bytes(state)), pair.code_path);
  }
  if (pair.deploy.local) {
    SYNC_ASSIGN(pair.deploy.path, existing_directory(pair.deploy.path, "the deploy root"));
    SYNC_TRY(check_apart(pair.code_path, pair.deploy.path, state));
  }
  const std::vector<std::string> secrets = {pair.ssh_key, pair.ssh_key.empty() ? "" : pair.ssh_key + ".pub",
                                            pair.known_hosts};
  pair.code_never = never_synced(pair.code_path, config.prefix, state, secrets);
  // The other server has the same installation where its root has room for it; its own keys lie in its own state.
  pair.deploy_never = never_synced(absolute_path(pair.deploy.path), config.prefix, state, {});
  return {};
}

}  // namespace twsync
