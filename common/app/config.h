#pragma once
// From configuration files, options and the installation to pairs and paths.

#include <optional>
#include <string>
#include <vector>

#include "common/app/pair_config.h"
#include "common/app/settings.h"
#include "common/base/result.h"

namespace twsync {

/// The options of every command; an unset one leaves the configuration's value.
struct Overrides {
  std::string config;     ///< --config FILE
  std::string state_dir;  ///< --state-dir DIR
  std::optional<ConflictPolicy> policy;
  std::vector<std::string> exclude;  ///< --exclude: in addition to EXCLUDE
  std::optional<uint16_t> ssh_port;
  std::string ssh_key;
  std::string known_hosts;
};

/// A pair whose own file is wrong. The others are no matter of it.
struct MisconfiguredPair {
  std::string name;
  std::string file;
  Error error;  ///< usage, with file and line
};

struct Config {
  std::string file;         ///< what was read; empty = no configuration here (only ad hoc pairs work)
  std::string prefix;       ///< the installation's, e.g. "/opt/sutazaiapp"; empty = not installed
  std::string state_dir;    ///< absolute
  std::string runtime_dir;  ///< absolute: the broker's sockets
  std::string log_dir;      ///< <prefix>/logs, or <state-dir>/logs
  std::string key_dir;      ///< <state-dir>/keys: where `keys exchange` puts key pairs
  LogLevel log_level = LogLevel::info;
  Settings settings;              ///< of the main file, after --policy, --exclude and --ssh-port
  std::string known_hosts;        ///< own known_hosts file
  Overrides overrides;            ///< as given
  std::vector<PairConfig> pairs;  ///< "main" first, then pairs.d/*.sh by name
  std::vector<MisconfiguredPair> misconfigured;

  const PairConfig* find(std::string_view name) const;
  /// usage for a name that find() doesn't know: what is wrong with that pair, or that there is none.
  Error why_not(std::string_view name) const;
};

/// The name of the pair in sync_config.sh itself.
constexpr const char* kMainPair = "main";

/// Reads --config, or <prefix>/scripts/config/sync_config.sh where twsync is installed, and pairs.d/*.sh beside it
/// (each begins with the main file's values). Looks at no root: prepare_pair() does. Creates nothing.
/// Errors, of the main file only: usage with file, line and what is allowed; usage when it can be written by others or
/// belongs to somebody other than us or root. The same in a pair's file makes that pair a misconfigured one.
Result<Config> load_config(const Overrides& overrides);

/// That pair alone: what is wrong in another one's file is no matter here. usage when it is not configured.
Result<PairConfig> load_pair(const Overrides& overrides, const std::string& name);

/// The file's text, after the ownership checks above.
Result<std::string> read_trusted_file(const std::string& path);

/// `twsync sync DIR TARGET`: TARGET is [user@]host:dir, ssh://[user@]host[:port]/dir, or a local directory.
/// The name comes from both roots, so that the same command again finds the same state.
Result<PairConfig> ad_hoc_pair(const Config& config, const std::string& directory, const std::string& target);
/// The TARGET part alone. `port` is the default where the target names none.
Result<DeployTarget> parse_target(const std::string& target, uint16_t port);

/// Where `keys exchange` puts the private key of a configured pair: each pair has its own, since a key is bound to one
/// root over there and replaced by each exchange.
std::string made_key(const Config& config, std::string_view pair);

/// Everything but name, code_path and deploy, from config.settings. REQUIRES: pair.name is set.
void fill_pair(const Config& config, PairConfig& pair);

/// What must hold before a pair is touched: roots exist, are directories, lie neither in each other nor in the state
/// directory. Makes the local roots canonical and fills the never-synced lists. Creates nothing.
Status prepare_pair(const Config& config, PairConfig& pair);

/// Makes the state directory (0700) and what lies directly in it. Its group and others must not be able to write.
Status make_private_directory(const std::string& path);
/// The same for the runtime directory, which may also belong to the broker's own user (`twsync`, where the package
/// made one).
Status make_runtime_directory(const std::string& path);

}  // namespace twsync
