#pragma once
// `twsync keys exchange|show|rotate` as a library: key pairs for both directions, installed on both servers.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/ssh/ssh_session.h"
#include "common/ssh/way_back.h"

namespace twsync {

/// The way from the deploy server back to the code server: `twsync` and hooks there reach the broker by it.
struct ReverseKeys {
  std::string pair;  ///< the only one that this key may name
  SshTarget code;    ///< host and user as the deploy server reaches the code server; the rest is not used
  std::vector<uint16_t> ports = {22};  ///< of our sshd: the first one that lets that server in is noted there
  std::string authorized_keys;         ///< ours, of `code.user`: a line is added
  std::string command;                 ///< what that key runs here, whatever it asks for
  std::string members_command;  ///< the same of the key that members of the group there get; empty = they get none
  std::string members_place = kMembersWaysDirectory;
  std::string members_group = kMembersGroup;
  std::vector<std::string> host_key_files;  ///< our sshd's public host keys; empty = /etc/ssh/ssh_host_*_key.pub
};

struct KeyOptions {
  std::string tag;   ///< "twsync:<pair>/<code host>": the comment by which our lines are known
  SshTarget deploy;  ///< key_file = our key (made here); known_hosts = our file
  std::string
      login_key;  ///< an existing private key for the first login; empty = ssh-agent, default keys, ours, password
  std::string deploy_root;  ///< absolute: what the forced command is bound to, and what the way back notes
  std::vector<std::string> agent_places = {"/usr/bin/twsync-agent",
                                           "/opt/sutazaiapp/bin/twsync-agent"};  ///< the package's agent
  std::optional<ReverseKeys> reverse;
  bool host_is_shared = false;     ///< another pair's too: remove_keys() goes on trusting its host key
  std::string accept_fingerprint;  ///< "SHA256:…": trusts exactly this host key without asking
  std::function<bool(const HostKey&)> confirm_host;
  std::function<std::optional<std::string>(const std::string& prompt)> ask_secret;
  std::function<void(const std::string&)> log;  ///< a line per step, for people (logs/ssh_setup.log)
};

struct KeyReport {
  std::string key_fingerprint;
  std::string host_fingerprint;
  std::string forced_command;  ///< empty: the key may run anything (no package installed there)
  bool reverse = false;
};

/// Makes a new key, installs it there beside the old one, tries it, puts it in place here, removes the old lines there;
/// then the same in the other direction. Run again, it regenerates. A crash or error leaves a pair that works: the old
/// one until the new one was tried. Nothing is trusted without `accept_fingerprint` or `confirm_host`. Errors:
/// unreachable (host key, login, remote command), usage, denied, no_space, io.
Result<KeyReport> exchange_keys(const KeyOptions& options);

struct KeyInfo {
  std::string key_file;
  std::string public_line;
  std::string fingerprint;
  std::string host_fingerprint;  ///< as trusted; empty = none yet
};

/// What stands on this server. not_found before the first exchange.
Result<KeyInfo> show_keys(const KeyOptions& options);

/// Removes our lines there (and here, with `reverse`), our key files and the host's line in known_hosts (but
/// see `host_is_shared`). `twsync forget`.
Status remove_keys(const KeyOptions& options);

}  // namespace twsync
