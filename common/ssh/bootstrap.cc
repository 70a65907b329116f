#include "common/ssh/bootstrap.h"

#include <libssh/libssh.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "common/base/hasher.h"
#include "common/base/text.h"
#include "common/ssh/child_stream.h"

namespace twsync {

namespace {

constexpr int64_t kInstallTimeoutMs = 300'000;
constexpr size_t kPiece = 256U << 10U;  // of the agent's binary
constexpr const char* kInstallDir = "$HOME/.local/share/twsync/agent";

// Every command is one `sh -c '…'` without quotes, backslashes, newlines or '!' inside the quotes: the login shell that
// reads it may be bash, fish or tcsh.

std::string start_command(const std::string& build_id) {
  return str("exec sh -c 'a=\"", kInstallDir, "/twsync-agent-", build_id,
             "\"; [ -x \"$a\" ] || exit 127; exec \"$a\" --stdio'");
}

/// Exit codes of the install script; install_failed() turns them into words.
enum InstallExit {
  kNoDirectory = 71,
  kNotWritten = 72,
  kWrongSize = 73,
  kDoesNotRun = 74,
  kNotRenamed = 75,
  kNoExec = 77
};

std::string install_command(const std::string& build_id, size_t size) {
  return str("exec sh -c 'umask 077; d=\"", kInstallDir, "\"; t=\"$d/.new.$$\"; mkdir -p \"$d\" || exit ",
             int{kNoDirectory}, "; cat > \"$t\" || { rm -f \"$t\"; exit ", int{kNotWritten},
             "; }; [ \"$(wc -c < \"$t\")\" -eq ", size, " ] || { rm -f \"$t\"; exit ", int{kWrongSize},
             "; }; chmod 700 \"$t\"; sync \"$t\" 2>/dev/null; ",
             "\"$t\" --version || { echo \"exit code $?\" >&2; cp /bin/sh \"$t\"; \"$t\" -c : 2>/dev/null; s=$?; "
             "rm -f \"$t\"; [ $s -eq 126 ] && exit ",
             int{kNoExec}, "; exit ", int{kDoesNotRun}, "; }; mv -f \"$t\" \"$d/twsync-agent-", build_id,
             "\" || { rm -f \"$t\"; exit ", int{kNotRenamed},
             "; }; cd \"$d\" && ls -t | grep \"^twsync-agent-\" | tail -n +4 | while read -r f; do rm -f \"$f\"; done; "
             "exit 0'");
}

const char* explain_install(int exit_code) {
  switch (exit_code) {
    case kNoDirectory:
      return "the directory ~/.local/share/twsync/agent cannot be made there";
    case kNotWritten:
      return "the agent cannot be written there (disk full?)";
    case kWrongSize:
      return "the agent did not arrive whole (disk full?)";
    case kDoesNotRun:
      return "the agent does not run there: another processor architecture, or a glibc older than 2.36";
    case kNoExec:
      return "the home there is mounted noexec, so that the agent cannot be run from it. Install the package on that "
             "server (twsync-agent in /usr/bin or /opt/sutazaiapp/bin), then run `twsync keys exchange`: the key then "
             "starts that agent";
    case kNotRenamed:
      return "the agent cannot be put in place there";
    default:
      return "installing the agent there failed";
  }
}

Error install_failed(const SshSession& session, const RemoteOutput& output) {
  std::string text = str(session.name(), ": ", explain_install(output.exit_code));
  const std::string said = output.err.empty() ? output.out : output.err;
  if (!said.empty()) text += str("; it said: \"", escape_bytes(said.substr(0, 1'000)), "\"");
  return Error{ErrorCode::unreachable, std::move(text), {}, 0};
}

Result<std::string> read_binary(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file || bytes.view().empty()) return Error{ErrorCode::not_found, "the agent binary cannot be read", path, 0};
  return std::move(bytes).str();
}

Status install_agent(SshSession& session, const AgentTarget& target, const std::string& build_id) {
  SYNC_ASSIGN(const std::string binary, read_binary(target.agent_path));
  if (to_string(Hasher(HashKey{}).hash(binary)) != build_id)
    return Error{ErrorCode::unreachable, "the agent binary was replaced just now; try again", target.agent_path, 0};
  if (target.log) target.log(str(session.name(), ": installing the agent (", binary.size() / 1024, " KiB)"));
  SYNC_ASSIGN(const RemoteOutput output,
              session.run(install_command(build_id, binary.size()), binary, kInstallTimeoutMs));
  if (output.exit_code != 0) return install_failed(session, output);
  return {};
}

/// A connection whose agent has answered, or why there is none; the session is free again then.
Result<std::unique_ptr<Connection>> start_agent(const std::shared_ptr<SshSession>& session, const AgentTarget& target,
                                                const std::string& build_id) {
  SYNC_ASSIGN(auto stream, SshSession::exec(session, start_command(build_id)));
  ConnectionOptions options = target.options;
  options.expect_magic = true;
  auto connection = std::make_unique<Connection>(std::move(stream), options);
  SYNC_TRY(connection->wait_started(target.ssh.connect_timeout_ms));
  return connection;
}

}  // namespace

// In pieces: a whole copy of it in memory would cost each connection more than its key exchange.
Result<std::string> agent_build_id(const std::string& agent_path) {
  std::ifstream file(agent_path, std::ios::binary);
  const auto piece = std::make_unique_for_overwrite<char[]>(kPiece);
  Hasher hasher{HashKey{}};
  hasher.reset();
  size_t size = 0;
  while (file.read(piece.get(), kPiece) || file.gcount() > 0) {
    hasher.update({piece.get(), static_cast<size_t>(file.gcount())});
    size += static_cast<size_t>(file.gcount());
  }
  if (!file.eof() || size == 0) return Error{ErrorCode::not_found, "the agent binary cannot be read", agent_path, 0};
  return to_string(hasher.finish());
}

Result<std::string> find_agent_binary() {
  char self[4096];
  const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self);
  if (size <= 0) return Error{ErrorCode::not_found, "cannot find our own executable", {}, 0};
  const std::string path(self, static_cast<size_t>(size));
  const std::string directory = path.substr(0, path.rfind('/'));
  const std::string places[] = {str(directory, "/twsync-agent"), str(directory, "/../lib/twsync/twsync-agent")};
  for (const std::string& place : places) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  return Error{ErrorCode::not_found, str("the agent binary is neither ", places[0], " nor ", places[1]), {}, 0};
}

Result<std::unique_ptr<Connection>> connect_agent(const AgentTarget& target) {
  if (target.local) return connect_local_agent(target.agent_path, target.options);
  SYNC_ASSIGN(const std::string build_id, agent_build_id(target.agent_path));
  SYNC_ASSIGN(const std::shared_ptr<SshSession> session, SshSession::open(target.ssh));
  auto connection = start_agent(session, target, build_id);
  // An installed agent that ends without a greeting may be damaged (a crash of that server after installing): once
  // more.
  const bool ended = !connection && (connection.error().code == ErrorCode::not_found ||
                                     connection.error().code == ErrorCode::unreachable);
  if (!ended || ssh_is_connected(session->raw()) == 0) return connection;
  SYNC_TRY(install_agent(*session, target, build_id));
  connection = start_agent(session, target, build_id);
  if (!connection && connection.error().code == ErrorCode::not_found) {
    Error error = std::move(connection).error();
    error.code = ErrorCode::unreachable;
    return error;
  }
  return connection;
}

Result<std::unique_ptr<Connection>> connect_local_agent(const std::string& agent_path, ConnectionOptions options) {
  SYNC_ASSIGN(auto stream, make_child_stream({agent_path, "--stdio"}));
  options.expect_magic = true;
  auto connection = std::make_unique<Connection>(std::move(stream), options);
  SYNC_TRY(connection->wait_started(options.dead_after_ms > 0 ? options.dead_after_ms : 15'000));
  return connection;
}

}  // namespace twsync
