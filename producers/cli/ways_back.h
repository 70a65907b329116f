#pragma once
// Where the service of a pair is: on this host, or on the code server that made this host its deploy server.

#include <optional>
#include <string>
#include <vector>

#include "producers/cli/context.h"
#include "common/ssh/ssh_session.h"

namespace twsync {

/// The way from a deploy server to the code server of one pair, as the code server's key exchange left it here.
struct WayBack {
  std::string name;  ///< "main@192.168.100.28"
  std::string pair;
  std::string deploy_path;  ///< the root here, canonical where it exists
  SshTarget code;           ///< strict: this key, these host keys, nothing else, no questions
};

/// Of the current user, or else of the group that he is a member of, by name. Errors (usage): one that is not as an
/// exchange writes it.
Result<std::vector<WayBack>> ways_back();

/// What a command's PAIR (or its absence) means on this host.
struct Led {
  std::vector<PairConfig> here;
  std::vector<WayBack> there;
};

/// `name`: a pair's, or a way's; empty = all, with `remembered` also the pairs once given ad hoc. A pair with a way
/// back is led there, unless this host has led it: it has its base, or a broker that serves it. Errors: usage, with the
/// nearest name, or for a pair of that name on two code servers. With `context.forced` everything is led here.
Result<Led> select_led(const CliContext& context, const std::string& name, bool remembered);

/// usage, naming the code server to go to, when `name` (as above) is led elsewhere.
Status check_led_here(const CliContext& context, const std::string& name, const std::string& command);

/// usage when this host is the configured deploy server and not the code server: what runs here would take it for the
/// code side.
Status check_not_deploy_server(const Config& config, const DeployTarget& deploy);

}  // namespace twsync
