#include "producers/observer/program_run.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/base/text.h"
#include "common/fs/unique_fd.h"

namespace twsync {

namespace {

constexpr const char* kSystemdRun = "/usr/bin/systemd-run";
constexpr int kLookForStopMs = 200;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// Ours, but for what the service manager gave to this process alone.
std::vector<std::string> environment(const ProgramRun& run) {
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (!text.starts_with("NOTIFY_SOCKET=") && !text.starts_with("WATCHDOG_")) out.emplace_back(text);
  }
  for (const auto& [name, value] : run.variables) out.push_back(str(name, "=", value));
  return out;
}

Result<pid_t> start(const ProgramRun& run) {
  std::vector<std::string> words = program_words(run, runs_systemd());
  std::vector<std::string> variables = environment(run);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int err =
      ::posix_spawn(&pid, words[0].c_str(), &actions, &attributes, pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (err != 0) return error_from_errno(err, "cannot run", words[0]);
  return pid;
}

}  // namespace

bool runs_systemd() {
  return ::geteuid() == 0 && ::access("/run/systemd/system", F_OK) == 0 && ::access(kSystemdRun, X_OK) == 0;
}

std::vector<std::string> program_words(const ProgramRun& run, bool systemd) {
  if (!systemd) return run.command;
  std::vector<std::string> words = {kSystemdRun, "--quiet", "--collect", "--wait", str("--unit=", run.unit)};
  for (const auto& [name, value] : run.variables) words.push_back(str("--setenv=", name, "=", value));
  words.emplace_back("--");
  // systemd-run looks for the program itself, in the observer's places and with its rights; env does in the unit's.
  words.emplace_back("/usr/bin/env");
  words.insert(words.end(), run.command.begin(), run.command.end());
  return words;
}

Result<int> run_program(const ProgramRun& run, const std::function<bool()>& stop) {
  SYNC_ASSIGN(const pid_t pid, start(run));
  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (;;) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, ended ? WNOHANG : 0);
    if (got == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got < 0 && errno != EINTR) return error_from_errno(errno, "cannot wait for", run.command[0]);
    if (stop()) {
      ::kill(pid, SIGTERM);
      ::waitpid(pid, &status, 0);
      return Error{ErrorCode::cancelled, "stopping", run.command[0], 0};
    }
    pollfd item{ended.get(), POLLIN, 0};
    ::poll(&item, 1, kLookForStopMs);
  }
}

}  // namespace twsync
