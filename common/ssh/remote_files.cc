#include "common/ssh/remote_files.h"

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr int64_t kScriptTimeoutMs = 60'000;
constexpr int kTries = 5;
constexpr int kChangedMeanwhile = 76;
constexpr const char* kShellProof = "twsync-has-a-shell";
constexpr const char* kBegin = "twsync-text-begins";

Error script_failed(const SshSession& session, const std::string& what, const RemoteOutput& output) {
  std::string text = str(session.name(), ": ", what, " failed with exit code ", output.exit_code);
  const std::string& said = output.err.empty() ? output.out : output.err;
  if (!said.empty()) text += str("; it said: \"", escape_bytes(said.substr(0, 1'000)), "\"");
  return Error{ErrorCode::unreachable, std::move(text), {}, 0};
}

/// A here-document cannot be ended from inside: base64 has no such line. Decoded by whatever the server has.
std::string write_script(const std::string& path, const std::string& checksum, const std::string& text) {
  return str("umask 077; f=", path, "; t=\"$f.twsync.$$\"; l=$(readlink -f \"$f\") && [ -n \"$l\" ] && f=$l\n",
             "if [ -e \"$f\" ]; then cp -p \"$f\" \"$t\" || exit 1; fi\n",
             "base64 -d > \"$t\" <<'TWSYNC_END' || { rm -f \"$t\"; exit 1; }\n", base64_encode(text), "\nTWSYNC_END\n",
             "if [ \"$(cat \"$f\" 2>/dev/null | cksum)\" != \"", checksum, "\" ]; then rm -f \"$t\"; exit ",
             kChangedMeanwhile, "; fi\n", "sync \"$t\" 2>/dev/null; mv -f \"$t\" \"$f\"\n");
}

std::string read_script(const std::string& path) {
  return str("umask 077; f=", path, "; mkdir -p \"$(dirname \"$f\")\" || exit 1\n", "echo ", kBegin,
             "; cat \"$f\" 2>/dev/null | cksum; if [ -e \"$f\" ]; then cat \"$f\"; fi\n");
}

}  // namespace

Result<std::string> run_script(SshSession& session, const std::string& what, const std::string& script) {
  SYNC_ASSIGN(RemoteOutput output, session.run("exec sh -s", script, kScriptTimeoutMs));
  if (output.exit_code != 0) return script_failed(session, what, output);
  return std::move(output.out);
}

Status check_shell(SshSession& session) {
  SYNC_ASSIGN(const auto output, session.run("exec sh -s", str("echo ", kShellProof, "\n"), kScriptTimeoutMs));
  if (output.out.find(kShellProof) != std::string::npos) return {};
  std::string text = str(session.name(),
                         ": the login gives no shell to set up new keys with: the key is bound to a forced command, or "
                         "the account has none. Give an existing key that may log in (ssh-agent, --ssh-key) or a "
                         "password");
  const std::string& said = output.err.empty() ? output.out : output.err;
  if (!said.empty()) text += str("; it said: \"", escape_bytes(said.substr(0, 1'000)), "\"");
  return Error{ErrorCode::unreachable, std::move(text), {}, 0};
}

Status edit_remote_file(SshSession& session, const std::string& path,
                        const std::function<std::string(const std::string&)>& edit) {
  for (int i = 0; i < kTries; ++i) {
    SYNC_ASSIGN(const std::string read, run_script(session, str("reading ", path), read_script(path)));
    const size_t begin = read.find(str(kBegin, "\n"));  // after whatever a shell's rc printed
    const size_t checksum_at = begin + std::string_view(kBegin).size() + 1;
    const size_t text_at = begin == std::string::npos ? begin : read.find('\n', checksum_at);
    if (text_at == std::string::npos)
      return Error{ErrorCode::peer_violation, str(session.name(), ": cannot read ", path), {}, 0};
    const std::string checksum = read.substr(checksum_at, text_at - checksum_at), text = read.substr(text_at + 1);
    if (checksum.find_first_not_of("0123456789 ") != std::string::npos) {
      return Error{ErrorCode::peer_violation, str(session.name(), ": cannot read ", path), {}, 0};
    }
    const std::string edited = edit(text);
    if (edited == text) return {};
    SYNC_ASSIGN(const RemoteOutput output,
                session.run("exec sh -s", write_script(path, checksum, edited), kScriptTimeoutMs));
    if (output.exit_code == 0) return {};
    if (output.exit_code != kChangedMeanwhile) return script_failed(session, str("writing ", path), output);
  }
  return Error{ErrorCode::busy, str(session.name(), ": ", path, " keeps changing while it is edited"), {}, 0};
}

}  // namespace twsync
