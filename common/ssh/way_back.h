#pragma once
// Where the deploy server keeps its way to the code server: written by the key exchange, read by `twsync` there.

#include <string>

namespace twsync {

/// Below the home of the user that the code server logs in as; one directory (0700) a way, named way_back_name().
constexpr const char* kWaysBackDirectory = ".local/state/twsync/to-code";
constexpr const char* kWayBackKey = "code_key";        ///< private key, public half beside it in .pub
constexpr const char* kWayBackHosts = "known_hosts";   ///< the code server's host keys, nobody else's
constexpr const char* kWayBackTurn = "code_key.turn";  ///< locked by a hook that logs in
/// Of the members of that server's group, one directory (0750) a way, with a key of its own: publish and status only.
constexpr const char* kMembersWaysDirectory = "/var/lib/twsync/to-code";
constexpr const char* kMembersGroup = "twsync";
/// NAME=value lines: CODE_SERVER, CODE_PORT, CODE_USER, PAIR, DEPLOY_PATH.
constexpr const char* kWayBackFile = "way.sh";

/// "main@192.168.100.28": '@' stands in no pair's name.
inline std::string way_back_name(const std::string& pair, const std::string& code_server) {
  return pair + "@" + code_server;
}

}  // namespace twsync
