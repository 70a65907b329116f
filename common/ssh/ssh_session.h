#pragma once
// One SSH login through libssh: connected, host key checked, authenticated. The only header that names libssh's types
// (forward-declared) besides the sources.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fs/unique_fd.h"
#include "common/ssh/byte_stream.h"

struct ssh_session_struct;

namespace twsync {

/// ~/.ssh/id_ed25519 and id_rsa of the current user.
std::vector<std::string> default_key_files();

/// A server's host key, as a person sees it.
struct HostKey {
  std::string fingerprint;  ///< "SHA256:…"
  std::string line;         ///< its known_hosts line
  bool changed = false;     ///< our file holds another key for this host
};

struct SshTarget {
  std::string host;
  uint16_t port = 22;
  std::string user;              ///< empty = the current user
  std::string key_file;          ///< private key; empty = none of our own
  bool group_reads_key = false;  ///< the key is a group's; else it is refused when others than its owner may read it
  std::string known_hosts;       ///< our own file; the user's and the system's are never read
  int64_t connect_timeout_ms =
      15'000;  ///< for each phase: TCP, key exchange, each authentication attempt, opening a channel
  int64_t dead_after_ms = 15'000;  ///< TCP gives up on unacknowledged data after this
  bool use_agent = true;           ///< ssh-agent, where SSH_AUTH_SOCK names one
  std::vector<std::string> default_keys = default_key_files();

  /// Makes the TCP connection (O_NONBLOCK); `host` and `port` then only name the server, for its key and in messages.
  /// Unset: connect_tcp().
  std::function<Result<UniqueFd>()> connect;

  std::string exchange = "twsync keys exchange";  ///< the command that lets us in there, for messages
  /// What else to do about a login that was refused; empty = `exchange`.
  std::string advice = {};

  /// Asked for a secret with a prompt; no value = give up. Unset (services, sync): nothing ever prompts.
  std::function<std::optional<std::string>(const std::string& prompt)> ask_secret;
  /// Asked about a host key that is unknown or changed; true = trust it and write it to `known_hosts`.
  /// Unset: only a key that stands in `known_hosts` passes.
  std::function<bool(const HostKey&)> confirm_host;
};

/// "ssh user@host:port", for messages.
std::string describe(const SshTarget& target);

struct RemoteOutput {
  int exit_code = -1;  ///< -1 = ended by a signal or unknown
  std::string out;
  std::string err;  ///< the last 8 KiB
};

/// Not thread-safe; a stream made by exec() takes the session over until that stream is gone.
class SshSession {
 public:
  /// unreachable with a message that says what to do: no connection, host key unknown, changed or revoked, login
  /// refused. usage: a host or user name that cannot be one, or a private key that others may read.
  static Result<std::shared_ptr<SshSession>> open(const SshTarget& target);
  ~SshSession();
  SshSession(const SshSession&) = delete;
  SshSession& operator=(const SshSession&) = delete;

  /// Starts `command` with the login shell (or the key's forced command) on a new channel.
  static Result<std::unique_ptr<ByteStream>> exec(std::shared_ptr<SshSession> session, const std::string& command);
  /// Runs `command` to its end with `input` as stdin. Output above 1 MiB is an error. timeout after timeout_ms.
  Result<RemoteOutput> run(const std::string& command, const std::string& input, int64_t timeout_ms);

  const std::string& name() const { return name_; }
  const HostKey& host_key() const { return host_key_; }
  ssh_session_struct* raw() const { return raw_; }
  int64_t dead_after_ms() const { return dead_after_ms_; }
  int64_t phase_timeout_ms() const { return phase_timeout_ms_; }

 private:
  SshSession() = default;
  Status connect(const SshTarget& target);
  Status connect_socket(const SshTarget& target);

  ssh_session_struct* raw_ = nullptr;
  std::string name_;
  HostKey host_key_;
  int64_t dead_after_ms_ = 0;
  int64_t phase_timeout_ms_ = 0;
};

/// One login, one command.
Result<RemoteOutput> run_remote(const SshTarget& target, const std::string& command, const std::string& input,
                                int64_t timeout_ms);

}  // namespace twsync
