#pragma once
// Shared by the libssh adapter's sources only.

#include <libssh/libssh.h>
#include <signal.h>

#include <memory>

#include "common/base/result.h"
#include "common/ssh/ssh_session.h"

namespace twsync {

struct SshFree {
  void operator()(ssh_key_struct* key) const { ssh_key_free(key); }
  void operator()(char* text) const { ssh_string_free_char(text); }
};
using KeyHandle = std::unique_ptr<ssh_key_struct, SshFree>;
using SshText = std::unique_ptr<char, SshFree>;

/// libssh writes to sockets without MSG_NOSIGNAL: in this scope a broken connection is an error, not a signal.
class SigpipeBlocked {
 public:
  SigpipeBlocked();
  ~SigpipeBlocked();
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t before_;
};

/// unreachable: `name`: `what`: libssh's own words.
Error ssh_error(ssh_session session, const std::string& name, const std::string& what);
/// What has come is acknowledged now, and for a while as it comes: sshd holds small packets back (Nagle) until those
/// before are acknowledged, which a receiver with nothing to say does only after 40 ms. To be called before waiting.
void acknowledge_at_once(ssh_session session);
/// Opens a channel and starts `command` on it; the caller frees it.
Result<ssh_channel> open_exec_channel(SshSession& session, const std::string& command);

Status check_host_key(ssh_session session, const SshTarget& target, HostKey& host_key);
Status authenticate(ssh_session session, const SshTarget& target);

}  // namespace twsync
