// Logging in: our key, ssh-agent, default keys, and only where somebody can be asked: a password.

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "common/base/text.h"
#include "common/ssh/ssh_internal.h"

namespace twsync {

namespace {

constexpr int kPasswordTries = 3;

class Login {
 public:
  Login(ssh_session session, const SshTarget& target) : session_(session), target_(target), name_(describe(target)) {}

  Status run() {
    int result = ssh_userauth_none(session_, nullptr);
    if (result == SSH_AUTH_SUCCESS) return {};
    if (result == SSH_AUTH_ERROR) return ssh_error(session_, name_, "login failed");
    if (!target_.key_file.empty()) SYNC_TRY(try_own_key());
    if (!done_ && target_.use_agent && std::getenv("SSH_AUTH_SOCK") != nullptr) try_agent();
    for (const std::string& file : target_.default_keys) {
      if (!done_ && file != target_.key_file && ::access(file.c_str(), F_OK) == 0) try_key(file);
    }
    if (!done_ && target_.ask_secret) try_secrets();
    if (done_) return {};
    if (ssh_is_connected(session_) == 0)
      return ssh_error(session_, name_, str("the server ended the login (tried: ", tried(), ")"));
    const std::string advice = !target_.advice.empty()
                                   ? target_.advice
                                   : str("Run `", target_.exchange,
                                         "` to set up the keys, or check authorized_keys and the log of sshd there");
    return Error{ErrorCode::unreachable, str(name_, ": the login was refused (tried: ", tried(), "). ", advice), {}, 0};
  }

 private:
  Status try_own_key() {
    struct stat info {};
    if (::stat(target_.key_file.c_str(), &info) != 0) {
      note(str("key ", escape_bytes(target_.key_file), " (cannot be read)"));
      return {};
    }
    if ((info.st_mode & (target_.group_reads_key ? 027U : 077U)) != 0) {
      return Error{ErrorCode::usage, "others may read the private key: run chmod 600 on it", target_.key_file, 0};
    }
    try_key(target_.key_file);
    return {};
  }

  void try_key(const std::string& file) {
    ssh_key raw_key = nullptr;
    // An encrypted key needs a person; ssh-agent is the place for it.
    if (ssh_pki_import_privkey_file(file.c_str(), "", nullptr, nullptr, &raw_key) != SSH_OK) {
      note(str("key ", escape_bytes(file), " (unreadable or encrypted)"));
      return;
    }
    const KeyHandle key(raw_key);
    note(str("key ", escape_bytes(file)));
    done_ = ssh_userauth_publickey(session_, nullptr, key.get()) == SSH_AUTH_SUCCESS;
  }

  void try_agent() {
    note("ssh-agent");
    done_ = ssh_userauth_agent(session_, nullptr) == SSH_AUTH_SUCCESS;
  }

  void try_secrets() {
    const auto methods = static_cast<unsigned>(ssh_userauth_list(session_, nullptr));
    if ((methods & SSH_AUTH_METHOD_PASSWORD) != 0)
      try_password();
    else if ((methods & SSH_AUTH_METHOD_INTERACTIVE) != 0)
      try_interactive();
  }

  void try_password() {
    note("password");
    for (int i = 0; i < kPasswordTries && !done_; ++i) {
      const auto password = target_.ask_secret(str("Password for ", name_, ":"));
      if (!password) return;
      const int result = ssh_userauth_password(session_, nullptr, password->c_str());
      done_ = result == SSH_AUTH_SUCCESS;
      if (result == SSH_AUTH_ERROR) return;
    }
  }

  void try_interactive() {
    note("keyboard-interactive");
    for (int i = 0; i < kPasswordTries && !done_; ++i) {
      int result = ssh_userauth_kbdint(session_, nullptr, nullptr);
      while (result == SSH_AUTH_INFO && answer_prompts()) result = ssh_userauth_kbdint(session_, nullptr, nullptr);
      done_ = result == SSH_AUTH_SUCCESS;
      if (result != SSH_AUTH_SUCCESS && result != SSH_AUTH_DENIED && result != SSH_AUTH_PARTIAL) return;
    }
  }

  bool answer_prompts() {
    const int count = ssh_userauth_kbdint_getnprompts(session_);
    for (int i = 0; i < count; ++i) {
      const char* prompt = ssh_userauth_kbdint_getprompt(session_, static_cast<unsigned>(i), nullptr);
      const auto answer = target_.ask_secret(str(name_, ": ", escape_bytes(prompt == nullptr ? "" : prompt)));
      if (!answer || ssh_userauth_kbdint_setanswer(session_, static_cast<unsigned>(i), answer->c_str()) < 0)
        return false;
    }
    return true;
  }

  void note(const std::string& what) { tried_ += str(tried_.empty() ? "" : ", ", what); }
  std::string tried() const { return tried_.empty() ? "nothing, there is no key" : tried_; }

  ssh_session session_;
  const SshTarget& target_;
  const std::string name_;
  std::string tried_;
  bool done_ = false;
};

}  // namespace

Status authenticate(ssh_session session, const SshTarget& target) {
  return Login(session, target).run();
}

}  // namespace twsync
