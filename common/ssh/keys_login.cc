#include "common/ssh/keys_login.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/ssh/remote_files.h"

namespace twsync {

namespace {

/// A question is asked once, not again for each way to log in.
struct HostVerdict {
  bool refused = false;
  bool turned_down = false;  ///< by a person: not for want of one
  std::string fingerprint;
};

std::function<bool(const HostKey&)> host_judge(const KeyOptions& options, HostVerdict& verdict) {
  return [&options, &verdict](const HostKey& key) {
    log_step(options,
             str("host key of ", options.deploy.host, key.changed ? " CHANGED, it is now " : ": ", key.fingerprint));
    verdict.fingerprint = key.fingerprint;
    bool accepted = false;
    if (!options.accept_fingerprint.empty()) {
      accepted = key.fingerprint == options.accept_fingerprint;
      log_step(options, accepted ? "host key: it is the accepted one"
                                 : str("host key: it is NOT the accepted ", options.accept_fingerprint));
    } else {
      accepted = options.confirm_host && options.confirm_host(key);
      log_step(options, accepted ? "host key: confirmed" : "host key: not confirmed");
    }
    verdict.refused = !accepted;
    verdict.turned_down = !accepted && (options.confirm_host || !options.accept_fingerprint.empty());
    return accepted;
  };
}

struct Attempt {
  const char* name;
  SshTarget target;
};

std::vector<Attempt> attempts(const KeyOptions& options, HostVerdict& verdict) {
  SshTarget base = options.deploy;
  base.confirm_host = host_judge(options, verdict);
  base.ask_secret = nullptr;
  base.advice = options.ask_secret ? "Check the password, authorized_keys and the log of sshd on that server"
                                   : "Give a key that may log in there with --ssh-key, or run this on a terminal to be "
                                     "asked for a password";
  SshTarget existing = base;
  existing.key_file = options.login_key;
  SshTarget own = base;
  own.use_agent = false;
  own.default_keys.clear();
  SshTarget password = own;
  password.key_file.clear();
  password.ask_secret = options.ask_secret;
  std::vector<Attempt> list{{"an existing key", existing}};
  if (::access(own.key_file.c_str(), F_OK) == 0) list.push_back({"our own key", own});
  if (options.ask_secret) list.push_back({"a password", password});
  return list;
}

/// No command that trusts the key which was just turned down.
Error turned_down(const KeyOptions& options, const HostVerdict& verdict) {
  const std::string instead = options.accept_fingerprint.empty() ? "" : ", not " + options.accept_fingerprint;
  return Error{ErrorCode::unreachable,
               str(describe(options.deploy), ": it shows the host key ", verdict.fingerprint, instead,
                   ". Nothing was sent. Unless `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on that server shows "
                   "the same, another answers in its place"),
               {},
               0};
}

}  // namespace

void log_step(const KeyOptions& options, const std::string& line) {
  if (options.log) options.log(line);
}

Result<std::shared_ptr<SshSession>> login_with_shell(const KeyOptions& options) {
  Error last;
  HostVerdict verdict;
  for (const Attempt& attempt : attempts(options, verdict)) {
    auto session = SshSession::open(attempt.target);
    if (!session) {
      last = std::move(session).error();
      log_step(options, str("login with ", attempt.name, ": ", last.message));
      if (verdict.refused) return verdict.turned_down ? turned_down(options, verdict) : last;
      continue;
    }
    auto shell = check_shell(**session);
    if (shell) {
      log_step(options, str("logged in to ", (*session)->name(), " with ", attempt.name));
      return session;
    }
    last = std::move(shell).error();
    log_step(options, last.message);
  }
  return last;
}

}  // namespace twsync
