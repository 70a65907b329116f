#include "common/ssh/child_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/ssh/fd_io.h"
#include "common/ssh/tail_text.h"

extern char** environ;

namespace twsync {

namespace {

constexpr int kEndWaitMs = 1'000;    ///< for stderr and the exit status after the end of stdout
constexpr int kLeaveWaitMs = 2'000;  ///< between closing, SIGTERM and SIGKILL

// glibc 2.36 declares pidfd_open without extern "C".
int open_pid(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
}

class ChildStream final : public ByteStream {
 public:
  ChildStream(pid_t pid, int fd, int error_fd, std::string name)
      : pid_(pid), fd_(fd), error_fd_(error_fd), pid_fd_(open_pid(pid)), name_(std::move(name)) {
    set_nonblocking(fd_);
    set_nonblocking(error_fd_);
  }

  ~ChildStream() override {
    ::close(fd_);
    for (const int signal : {SIGTERM, SIGKILL}) {
      if (reap(kLeaveWaitMs)) break;
      ::kill(pid_, signal);
    }
    if (!reaped_) ::waitpid(pid_, &status_, 0);
    ::close(error_fd_);
    if (pid_fd_ >= 0) ::close(pid_fd_);
  }

  int read_fd() const override { return fd_; }
  int write_fd() const override { return fd_; }
  std::string describe() const override { return name_; }

  Result<size_t> read_some(char* out, size_t size) override {
    drain_stderr();
    bool at_end = false;
    auto got = read_fd_some(fd_, out, size, at_end);
    if (got && !at_end) return got;
    return ended();
  }

  Result<size_t> write_some(const char* data, size_t size) override {
    auto put = write_fd_some(fd_, data, size);
    if (!put) return Error{ErrorCode::unreachable, str(name_, ": ", put.error().message), {}, 0};
    return put;
  }

 private:
  void drain_stderr() {
    char buffer[4096];
    bool at_end = false;
    while (!at_end && !stderr_ended_) {
      auto got = read_fd_some(error_fd_, buffer, sizeof buffer, at_end);
      if (!got || at_end) stderr_ended_ = true;
      if (!got || *got == 0) return;
      stderr_.add({buffer, *got});
    }
  }

  /// True once the child was waited for.
  bool reap(int timeout_ms) {
    if (reaped_) return true;
    if (pid_fd_ >= 0) {
      pollfd waiting{pid_fd_, POLLIN, 0};
      ::poll(&waiting, 1, timeout_ms);
    }
    reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
  }

  Error ended() {
    reap(kEndWaitMs);
    drain_stderr();
    std::string how = "closed its output";
    if (reaped_ && WIFEXITED(status_)) how = str("ended with exit code ", WEXITSTATUS(status_));
    if (reaped_ && WIFSIGNALED(status_)) how = str("was ended by signal ", WTERMSIG(status_));
    const bool missing = reaped_ && WIFEXITED(status_) && WEXITSTATUS(status_) == 127;
    return Error{
        missing ? ErrorCode::not_found : ErrorCode::unreachable, str(name_, " ", how, stderr_.quoted()), {}, 0};
  }

  const pid_t pid_;
  const int fd_, error_fd_, pid_fd_;
  const std::string name_;
  TailText stderr_;
  bool stderr_ended_ = false;
  bool reaped_ = false;
  int status_ = 0;
};

struct Ends {
  int fds[2] = {-1, -1};
  ~Ends() {
    for (const int fd : fds) {
      if (fd >= 0) ::close(fd);
    }
  }
  int release(int i) { return std::exchange(fds[i], -1); }
};

/// posix_spawn with `channel` as stdin and stdout; everything else is close-on-exec.
int spawn(const std::vector<std::string>& argv, int channel, int error, pid_t& pid) {
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, channel, 0);
  posix_spawn_file_actions_adddup2(&actions, channel, 1);
  posix_spawn_file_actions_adddup2(&actions, error, 2);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int result = posix_spawnp(&pid, args[0], &actions, &attributes, args.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

}  // namespace

Result<std::unique_ptr<ByteStream>> make_child_stream(const std::vector<std::string>& argv) {
  if (argv.empty()) return Error{ErrorCode::usage, "no program to start", {}, 0};
  Ends channel, errors;
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.fds) != 0 || ::pipe2(errors.fds, O_CLOEXEC) != 0) {
    return error_from_errno(errno, str("cannot start ", argv[0]));
  }
  pid_t pid = 0;
  const int failed = spawn(argv, channel.fds[1], errors.fds[1], pid);
  if (failed != 0) return error_from_errno(failed, "cannot start the program", argv[0]);
  return std::unique_ptr<ByteStream>(
      std::make_unique<ChildStream>(pid, channel.release(0), errors.release(0), str(argv[0], " (pid ", pid, ")")));
}

}  // namespace twsync
