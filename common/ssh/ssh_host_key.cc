// Strict host keys against our own known_hosts file: only a key that stands there passes.

#include "common/base/text.h"
#include "common/ssh/known_hosts.h"
#include "common/ssh/ssh_internal.h"

namespace twsync {

namespace {

Result<HostKey> server_key(ssh_session session, const std::string& name) {
  ssh_key raw_key = nullptr;
  if (ssh_get_server_publickey(session, &raw_key) != SSH_OK)
    return ssh_error(session, name, "the server showed no host key");
  const KeyHandle key(raw_key);
  unsigned char* hash = nullptr;
  size_t hash_size = 0;
  if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_size) != 0) {
    return ssh_error(session, name, "the host key cannot be read");
  }
  const SshText fingerprint(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_size));
  ssh_clean_pubkey_hash(&hash);
  char* line = nullptr;
  if (!fingerprint || ssh_session_export_known_hosts_entry(session, &line) != SSH_OK) {
    return ssh_error(session, name, "the host key cannot be read");
  }
  const SshText owned(line);
  return HostKey{fingerprint.get(), line, false};
}

Error refused(const std::string& name, std::string text) {
  return Error{ErrorCode::unreachable, str(name, ": ", text), {}, 0};
}

Error unknown_key(const std::string& name, const SshTarget& target, const HostKey& key) {
  return refused(name,
                 str("the host key ", key.fingerprint, " is not in ", escape_bytes(target.known_hosts),
                     ". Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on that server, then run "
                     "`",
                     target.exchange, " --accept-fingerprint ", key.fingerprint, "` to trust it"));
}

Error changed_key(const std::string& name, const SshTarget& target, const HostKey& key) {
  return refused(
      name, str("the host key CHANGED: the server shows ", key.fingerprint, ", but ", escape_bytes(target.known_hosts),
                " holds another. Somebody may stand between the servers, or that server was installed anew. Nothing "
                "was sent. If the change is right (compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on "
                "that server), run `",
                target.exchange, " --accept-fingerprint ", key.fingerprint, "`"));
}

}  // namespace

Status check_host_key(ssh_session session, const SshTarget& target, HostKey& host_key) {
  const std::string name = describe(target);
  SYNC_ASSIGN(host_key, server_key(session, name));
  const ssh_known_hosts_e state = ssh_session_is_known_server(session);
  if (state == SSH_KNOWN_HOSTS_OK) return {};
  if (state == SSH_KNOWN_HOSTS_ERROR && known_hosts_readable(target.known_hosts)) {
    return ssh_error(session, name, str("cannot check the host key against ", escape_bytes(target.known_hosts)));
  }
  host_key.changed = state == SSH_KNOWN_HOSTS_CHANGED || state == SSH_KNOWN_HOSTS_OTHER;
  if (target.confirm_host && target.confirm_host(host_key)) {
    return trust_host_key(target.known_hosts, target.host, target.port, host_key.line);
  }
  return host_key.changed ? changed_key(name, target, host_key) : unknown_key(name, target, host_key);
}

}  // namespace twsync
