#include "producers/git_hook/hook_installer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/text.h"

extern char** environ;  // NOLINT: posix_spawn wants it

namespace twsync {

namespace {

constexpr std::string_view kPushHook = "post-receive";
constexpr std::array<const char*, 4> kHooks = {"post-commit", "post-merge", "post-checkout", kPushHook.data()};
constexpr std::string_view kMark = "# twsync hook, written by `twsync hooks install`";
constexpr const char* kKept = ".before-twsync";

std::string shell_quoted(std::string_view word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Error no_repository(const std::string& repository) {
  struct stat info {};
  const bool another_s = ::stat(repository.c_str(), &info) == 0 && info.st_uid != ::geteuid();
  return Error{
      ErrorCode::usage,
      another_s ? "git does nothing in another user's directory: run this as its owner" : "this is no git repository",
      repository, 0};
}

/// Runs git and returns what it prints.
Result<std::string> git(const std::string& repository, const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return error_from_errno(errno, "cannot run git");
  std::vector<std::string> all = {"git", "-C", repository};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, "git", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string out;
  char buffer[4096];
  while (failed == 0) {
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  if (failed != 0) return error_from_errno(failed, "cannot run git: is it installed?");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return no_repository(repository);
  return out;
}

bool is_ours(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  for (int i = 0; i < 3 && std::getline(in, line); ++i) {
    if (line == kMark) return true;
  }
  return false;
}

bool exists(const std::string& file) {
  struct stat info {};
  return ::lstat(file.c_str(), &info) == 0;
}

Status write_script(const std::string& file, const std::string& text) {
  const std::string temporary = str(file, ".twsync-", static_cast<int64_t>(::getpid()));
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return error_from_errno(EIO, "cannot write the hook", temporary);
  }
  if (::chmod(temporary.c_str(), 0755) != 0 || ::rename(temporary.c_str(), file.c_str()) != 0) {
    const int failed = errno;
    ::unlink(temporary.c_str());
    return error_from_errno(failed, "cannot write the hook", file);
  }
  return {};
}

Status install_one(const std::string& file, const std::string& script) {
  const std::string kept = file + kKept;
  if (exists(file) && !is_ours(file)) {
    if (exists(kept)) {
      return Error{ErrorCode::usage,
                   str("a hook stands here, and an older one already as ", kKept, ": remove one of the two"), file, 0};
    }
    // A link beside it first: at no moment is the old hook without a name, and a kill leaves it where it was.
    if (::link(file.c_str(), kept.c_str()) != 0 && ::rename(file.c_str(), kept.c_str()) != 0) {
      return error_from_errno(errno, "cannot keep the hook that is there", file);
    }
  }
  return write_script(file, script);
}

}  // namespace

Result<Repository> find_repository(const std::string& directory, bool anyones) {
  std::vector<std::string> words;
  if (anyones) words = {"-c", "safe.directory=*"};
  words.insert(words.end(), {"rev-parse", "--is-bare-repository", "--absolute-git-dir", "--git-path", "hooks"});
  SYNC_ASSIGN(const std::string answer, git(directory, words));
  std::istringstream lines(answer);
  std::string bare, git_directory, hooks;
  if (!std::getline(lines, bare) || !std::getline(lines, git_directory) || !std::getline(lines, hooks))
    return no_repository(directory);
  return Repository{bare == "true", git_directory, hooks[0] == '/' ? hooks : str(directory, "/", hooks)};
}

std::string program_of_hook(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  bool ours = false;
  for (std::string line; std::getline(in, line);) {
    ours = ours || line == kMark;
    if (ours && line.starts_with("program='") && line.ends_with("'")) return line.substr(9, line.size() - 10);
  }
  return {};
}

std::string hook_script(const HookOptions& options, std::string_view hook) {
  std::string command = "\"$program\"";
  for (const auto& argument : options.arguments) command += str(" ", shell_quoted(argument));
  command += " publish --source git-hook";
  if (hook != kPushHook) {
    command += " --path \"$PWD\"";
  } else if (!options.pushed_root.empty()) {
    command += str(" --path ", shell_quoted(options.pushed_root));
  }
  return str(
      "#!/bin/sh\n", kMark,
      "\n# Runs the hook that was here before, then tells the sync service in the background: git never waits for it.\n"
      "kept=\"$0",
      kKept,
      "\"\nstatus=0\n"
      "if [ -x \"$kept\" ]; then \"$kept\" \"$@\"; status=$?; fi\n"
      "program=",
      shell_quoted(options.twsync),
      "\n"
      "[ -x \"$program\" ] || program=twsync\n",
      command,
      " </dev/null >/dev/null 2>&1 &\n"
      "exit \"$status\"\n");
}

Result<std::vector<std::string>> install_hooks(const HookOptions& options) {
  SYNC_ASSIGN(const Repository repository, find_repository(options.repository));
  std::error_code error;
  std::filesystem::create_directories(repository.hooks, error);
  if (error) return error_from_errno(error.value(), "cannot make the hooks directory", repository.hooks);
  std::vector<std::string> out;
  for (const char* name : kHooks) {
    if (name == kPushHook && !repository.bare) continue;
    out.push_back(str(repository.hooks, "/", name));
    SYNC_TRY(install_one(out.back(), hook_script(options, name)));
  }
  return out;
}

Result<std::vector<std::string>> uninstall_hooks(const std::string& directory) {
  SYNC_ASSIGN(const Repository repository, find_repository(directory));
  std::vector<std::string> out;
  for (const char* name : kHooks) {
    const std::string file = str(repository.hooks, "/", name);
    if (!is_ours(file)) continue;
    const std::string kept = file + kKept;
    const int failed = exists(kept) ? ::rename(kept.c_str(), file.c_str()) : ::unlink(file.c_str());
    if (failed != 0) return error_from_errno(errno, "cannot take the hook away", file);
    out.push_back(file);
  }
  return out;
}

}  // namespace twsync
