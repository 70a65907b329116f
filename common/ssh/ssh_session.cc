#include "common/ssh/ssh_session.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "common/base/text.h"
#include "common/ssh/ssh_internal.h"
#include "common/ssh/tcp_connect.h"

namespace twsync {

namespace {

// libssh proposes chacha20 first, which runs at 0.6-0.75 of AES-GCM where the processor has AES.
constexpr const char* kCiphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr";

bool only_of(const std::string& text, const char* extra) {
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && std::string_view(extra).find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

/// Names reach log lines, known_hosts and URLs: nothing that could be an option, a pattern or a second field.
Status check_names(const SshTarget& target) {
  if (target.host.empty() || target.host[0] == '-' || !only_of(target.host, ".-_:%")) {
    return Error{ErrorCode::usage, str("'", escape_bytes(target.host), "' cannot be a host name"), {}, 0};
  }
  if (!target.user.empty() && (target.user[0] == '-' || !only_of(target.user, "._-@"))) {
    return Error{ErrorCode::usage, str("'", escape_bytes(target.user), "' cannot be a user name"), {}, 0};
  }
  if (target.known_hosts.empty()) return Error{ErrorCode::usage, "no known_hosts file is configured", {}, 0};
  return {};
}

bool set_options(ssh_session session, const SshTarget& target) {
  const bool process_config = false;  // a user's ~/.ssh/config may run programs and name other hosts
  const unsigned port = target.port;
  const long seconds = static_cast<long>(target.connect_timeout_ms / 1'000);
  const long microseconds = static_cast<long>(target.connect_timeout_ms % 1'000 * 1'000);
  const auto set = [session](ssh_options_e option, const void* value) {
    return ssh_options_set(session, option, value) == SSH_OK;
  };
  return set(SSH_OPTIONS_PROCESS_CONFIG, &process_config) && set(SSH_OPTIONS_HOST, target.host.c_str()) &&
         set(SSH_OPTIONS_PORT, &port) && (target.user.empty() || set(SSH_OPTIONS_USER, target.user.c_str())) &&
         set(SSH_OPTIONS_KNOWNHOSTS, target.known_hosts.c_str()) && set(SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") &&
         set(SSH_OPTIONS_TIMEOUT, &seconds) && set(SSH_OPTIONS_TIMEOUT_USEC, &microseconds) &&
         set(SSH_OPTIONS_CIPHERS_C_S, kCiphers) && set(SSH_OPTIONS_CIPHERS_S_C, kCiphers) &&
         set(SSH_OPTIONS_COMPRESSION, "no");
}

void set_tcp_options(int fd, int64_t dead_after_ms) {
  const int on = 1, idle = 10, interval = 5, count = 3;
  const auto user_timeout = static_cast<unsigned>(dead_after_ms);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
}

}  // namespace

SigpipeBlocked::SigpipeBlocked() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

SigpipeBlocked::~SigpipeBlocked() {
  if (sigismember(&before_, SIGPIPE) == 0) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    const timespec none{0, 0};
    while (sigtimedwait(&set, nullptr, &none) > 0) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void acknowledge_at_once(ssh_session session) {
  const int on = 1;
  (void)::setsockopt(ssh_get_fd(session), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

Error ssh_error(ssh_session session, const std::string& name, const std::string& what) {
  return Error{ErrorCode::unreachable, str(name, ": ", what, ": ", escape_bytes(ssh_get_error(session))), {}, 0};
}

std::string describe(const SshTarget& target) {
  return str("ssh ", target.user, target.user.empty() ? "" : "@", target.host, ":", target.port);
}

std::vector<std::string> default_key_files() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const passwd* entry = ::getpwuid(::getuid());
    if (entry == nullptr) return {};
    home = entry->pw_dir;
  }
  return {str(home, "/.ssh/id_ed25519"), str(home, "/.ssh/id_rsa")};
}

Result<std::shared_ptr<SshSession>> SshSession::open(const SshTarget& target) {
  SYNC_TRY(check_names(target));
  const SigpipeBlocked no_sigpipe;
  std::shared_ptr<SshSession> session(new SshSession);
  session->name_ = twsync::describe(target);
  session->dead_after_ms_ = target.dead_after_ms;
  session->phase_timeout_ms_ = target.connect_timeout_ms;
  SYNC_TRY(session->connect(target));
  return session;
}

// Not libssh's own connect: that one tries the next address only where the first one fails at once.
Status SshSession::connect_socket(const SshTarget& target) {
  auto connected = target.connect ? target.connect() : connect_tcp(target.host, target.port, target.connect_timeout_ms);
  if (!connected) {
    Error error = std::move(connected).error();
    error.message = str(name_, ": ", error.message,
                        ". Is that server up, and does its sshd listen there? `twsync doctor` looks at each step");
    return error;
  }
  set_tcp_options(connected->get(), target.dead_after_ms);
  const socket_t fd = ::fcntl(connected->get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return error_from_errno(errno, str(name_, ": cannot use the connection"));
  (void)ssh_options_set(raw_, SSH_OPTIONS_FD, &fd);
  Status status;
  if (ssh_connect(raw_) != SSH_OK) status = ssh_error(raw_, name_, "cannot connect");
  // libssh closes a descriptor that it was given after an error, but not in ssh_disconnect(): from here on it is its
  // own.
  (void)ssh_options_set(raw_, SSH_OPTIONS_FD, nullptr);
  return status;
}

Status SshSession::connect(const SshTarget& target) {
  raw_ = ssh_new();
  if (raw_ == nullptr) return Error{ErrorCode::io, "out of memory for an SSH session", {}, 0};
  if (!set_options(raw_, target)) return ssh_error(raw_, name_, "cannot set the connection's options");
  SYNC_TRY(connect_socket(target));
  SYNC_TRY(check_host_key(raw_, target, host_key_));
  return authenticate(raw_, target);
}

SshSession::~SshSession() {
  if (raw_ == nullptr) return;
  const SigpipeBlocked no_sigpipe;
  // Never wait for a peer that may be gone.
  ssh_set_blocking(raw_, 0);
  if (ssh_is_connected(raw_) != 0) ssh_disconnect(raw_);
  ssh_free(raw_);
}

Result<RemoteOutput> run_remote(const SshTarget& target, const std::string& command, const std::string& input,
                                int64_t timeout_ms) {
  SYNC_ASSIGN(const auto session, SshSession::open(target));
  return session->run(command, input, timeout_ms);
}

}  // namespace twsync
