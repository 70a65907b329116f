#include "common/ssh/keys_login.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/ssh/remote_files.h"

namespace twsync {

namespace {

/// `refused` is set once the host key was: a question is asked once, not again for each way to log in.
std::function<bool(const HostKey&)> host_judge(const KeyOptions& options, bool& refused) {
  return [&options, &refused](const HostKey& key) {
    log_step(options,
             str("host key of ", options.deploy.host, key.changed ? " CHANGED, it is now " : ": ", key.fingerprint));
    if (!options.accept_fingerprint.empty()) {
      const bool same = key.fingerprint == options.accept_fingerprint;
      log_step(options, same ? "host key: it is the accepted one"
                             : str("host key: it is NOT the accepted ", options.accept_fingerprint));
      refused = !same;
      return same;
    }
    const bool confirmed = options.confirm_host && options.confirm_host(key);
    log_step(options, confirmed ? "host key: confirmed" : "host key: not confirmed");
    refused = !confirmed;
    return confirmed;
  };
}

struct Attempt {
  const char* name;
  SshTarget target;
};

std::vector<Attempt> attempts(const KeyOptions& options, bool& host_refused) {
  SshTarget base = options.deploy;
  base.confirm_host = host_judge(options, host_refused);
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

}  // namespace

void log_step(const KeyOptions& options, const std::string& line) {
  if (options.log) options.log(line);
}

Result<std::shared_ptr<SshSession>> login_with_shell(const KeyOptions& options) {
  Error last;
  bool host_refused = false;
  for (const Attempt& attempt : attempts(options, host_refused)) {
    auto session = SshSession::open(attempt.target);
    if (!session) {
      last = std::move(session).error();
      log_step(options, str("login with ", attempt.name, ": ", last.message));
      if (host_refused) return last;
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
