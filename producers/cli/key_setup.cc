#include "producers/cli/key_setup.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "common/app/installation.h"
#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/home_directory.h"

namespace twsync {

namespace {

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : "";
}

/// Keys that an exchange made say so in the public half.
bool is_ours(const std::string& key_file) {
  std::ifstream in(key_file + ".pub");
  std::string line;
  return std::getline(in, line) && line.find(" twsync:") != std::string::npos;
}

Result<std::string> place_of_key(const Config& config, const PairConfig& pair) {
  const std::string& configured = config.settings.ssh_key;
  // Ad hoc pairs share the main pair's: their names are not known before their first sync.
  if (configured.empty()) return made_key(config, config.find(pair.name) != nullptr ? pair.name : kMainPair);
  if (::access(configured.c_str(), F_OK) == 0 && !is_ours(configured)) {
    return Error{ErrorCode::usage,
                 "SSH_KEY names a key that twsync did not make, and an exchange would replace it: leave SSH_KEY out, "
                 "or give it another name",
                 configured, 0};
  }
  return configured;
}

/// With the configuration and state that this exchange was made for, whatever the default ones are.
std::string forced_command(const Config& config, const std::string& pair) {
  std::string out = str(shell_word(executable_directory() + "/twsync"), " serve-forced ", shell_word(pair));
  const Overrides& given = config.overrides;
  if (!given.config.empty()) out += str(" --config ", shell_word(absolute_path(given.config)));
  if (!given.state_dir.empty()) out += str(" --state-dir ", shell_word(absolute_path(given.state_dir)));
  return out;
}

ReverseKeys reverse_keys(const Config& config, const PairConfig& pair) {
  ReverseKeys out;
  out.pair = pair.name;
  out.code.host = config.settings.code_server;
  out.code.user = user_name();
  // No configuration name says at which port this server's sshd listens: the usual one, or the other server's.
  if (pair.deploy.port != 22) out.ports.push_back(pair.deploy.port);
  out.authorized_keys = home_directory() + "/.ssh/authorized_keys";
  out.command = forced_command(config, pair.name);
  out.members_command = out.command + " --members";
  return out;
}

}  // namespace

Result<KeyOptions> key_options(const Config& config, const PairConfig& pair) {
  KeyOptions out;
  out.tag = str("twsync:", pair.name, "/", config.settings.code_server);
  out.deploy.host = pair.deploy.host;
  out.deploy.port = pair.deploy.port;
  out.deploy.user = pair.deploy.user;
  SYNC_ASSIGN(out.deploy.key_file, place_of_key(config, pair));
  out.deploy.known_hosts = pair.known_hosts;
  out.login_key = config.overrides.ssh_key;
  out.deploy_root = pair.deploy.path;
  out.host_is_shared = std::any_of(config.pairs.begin(), config.pairs.end(), [&](const PairConfig& other) {
    return other.name != pair.name && !other.deploy.local && other.deploy.host == pair.deploy.host &&
           other.deploy.port == pair.deploy.port;
  });
  // The way back is for what is installed: hooks and `publish` over there.
  if (!config.prefix.empty() && config.find(pair.name) != nullptr) {
    out.reverse = reverse_keys(config, pair);
    out.agent_places.push_back(config.prefix + "/bin/twsync-agent");
  }
  return out;
}

}  // namespace twsync
