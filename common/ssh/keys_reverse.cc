#include "common/ssh/keys_reverse.h"

#include <glob.h>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/keys_login.h"
#include "common/ssh/known_hosts.h"
#include "common/ssh/remote_files.h"
#include "common/ssh/text_file.h"

namespace twsync {

namespace {

std::string remote_dir(const ReverseKeys& reverse) {
  return reverse.remote_dir.empty() ? std::string("\"$HOME/.local/state/twsync\"") : shell_word(reverse.remote_dir);
}

/// The last line that starts like a key: a shell's rc may have printed something before.
Result<std::string> public_line_in(const std::string& output, const SshSession& session) {
  std::string found;
  for (const std::string& line : split_lines(output)) {
    if (line.starts_with("ssh-ed25519 ")) found = line;
  }
  if (found.empty())
    return Error{ErrorCode::peer_violation, str(session.name(), ": no public key came from there"), {}, 0};
  return found;
}

Result<std::string> make_key_there(SshSession& session, const KeyOptions& options) {
  const std::string script =
      str("umask 077; d=", remote_dir(*options.reverse), "; mkdir -p \"$d\" && cd \"$d\" || exit 1\n",
          "command -v ssh-keygen >/dev/null || { echo 'ssh-keygen is not installed there' >&2; exit 1; }\n",
          "rm -f code_key.new code_key.new.pub\n", "ssh-keygen -q -t ed25519 -N '' -C ", shell_word(options.tag),
          " -f code_key.new </dev/null && cat code_key.new.pub\n");
  SYNC_ASSIGN(const std::string output, run_script(session, "making a key there", script));
  SYNC_ASSIGN(std::string line, public_line_in(output, session));
  // The comment decides which lines are ours: take the key, not what that server says about it.
  const size_t end = line.find(' ', std::string_view("ssh-ed25519 ").size());
  return str(line.substr(0, end), " ", options.tag);
}

Status edit_authorized(const std::string& path, const std::function<std::string(const std::string&)>& edit) {
  auto text = read_text_file(path);
  if (!text && text.error().code != ErrorCode::not_found) return std::move(text).error();
  const std::string old = text ? *text : std::string();
  const std::string edited = edit(old);
  return edited == old ? Status() : write_text_file(path, edited, 0600);
}

Result<std::vector<std::string>> our_host_keys(const ReverseKeys& reverse) {
  std::vector<std::string> files = reverse.host_key_files;
  if (files.empty()) {
    glob_t found{};
    if (::glob("/etc/ssh/ssh_host_*_key.pub", 0, nullptr, &found) == 0)
      files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
  }
  std::vector<std::string> keys;
  for (const std::string& file : files) {
    SYNC_ASSIGN(const std::string text, read_text_file(file));
    const size_t first = text.find(' ');
    if (first != std::string::npos) keys.push_back(text.substr(0, text.find_first_of(" \n", first + 1)));
  }
  if (keys.empty())
    return Error{
        ErrorCode::not_found, "this server has no public host keys in /etc/ssh: is sshd installed here?", {}, 0};
  return keys;
}

Status tell_host_keys(SshSession& session, const ReverseKeys& reverse) {
  SYNC_ASSIGN(const std::vector<std::string> keys, our_host_keys(reverse));
  const std::string name = known_hosts_name(reverse.code.host, reverse.code.port);
  std::string lines;
  for (const std::string& key : keys) lines += str(name, " ", key, "\n");
  return edit_remote_file(session, str(remote_dir(reverse), "/known_hosts"), [&](const std::string& text) {
    return replace_known_host(text, reverse.code.host, reverse.code.port, lines);
  });
}

/// ssh ends with 255 when it could not log in; anything else comes from the forced command.
Status try_key_there(SshSession& session, const KeyOptions& options) {
  const SshTarget& code = options.reverse->code;
  const std::string script = str("d=", remote_dir(*options.reverse), "\ncommand -v ssh >/dev/null || exit 0\n",
                                 "ssh -F /dev/null -i \"$d/code_key.new\" -o IdentitiesOnly=yes -o BatchMode=yes -o "
                                 "ConnectTimeout=10 -o StrictHostKeyChecking=yes ",
                                 "-o UserKnownHostsFile=\"$d/known_hosts\" -o GlobalKnownHostsFile=/dev/null -p ",
                                 code.port, " ", code.user.empty() ? "" : str("-l ", shell_word(code.user), " "),
                                 shell_word(code.host), " status </dev/null >/dev/null\n[ $? -ne 255 ]\n");
  SYNC_ASSIGN(const std::string ignored, run_script(session, "logging in from there to this server", script));
  (void)ignored;
  return {};
}

}  // namespace

Status exchange_reverse(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  SYNC_ASSIGN(const std::string public_line, make_key_there(session, options));
  SYNC_ASSIGN(const std::string line, authorized_line(reverse.command, public_line));
  SYNC_TRY(tell_host_keys(session, reverse));
  SYNC_TRY(edit_authorized(reverse.authorized_keys, [&](const std::string& text) { return with_line(text, line); }));
  const Status tried = try_key_there(session, options);
  if (!tried.ok()) {
    SYNC_TRY(edit_authorized(reverse.authorized_keys, [&](const std::string& text) {
      // Only the line just added: an older key may still be the one in use.
      const size_t at = text.rfind(str(line, "\n"));
      return at == std::string::npos ? text : text.substr(0, at) + text.substr(at + line.size() + 1);
    }));
    return tried;
  }
  SYNC_ASSIGN(const std::string moved,
              run_script(session, "putting the key in place there",
                         str("cd ", remote_dir(reverse),
                             " && mv -f code_key.new code_key && mv -f code_key.new.pub code_key.pub\n")));
  (void)moved;
  log_step(options, str("the deploy server may now run `", reverse.command, "` here, nothing else"));
  return edit_authorized(reverse.authorized_keys,
                         [&](const std::string& text) { return without_tagged(text, options.tag, line); });
}

Status remove_reverse(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  SYNC_TRY(edit_authorized(reverse.authorized_keys,
                           [&](const std::string& text) { return without_tagged(text, options.tag, ""); }));
  SYNC_ASSIGN(
      const std::string removed,
      run_script(
          session, "removing the key there",
          str("cd ", remote_dir(reverse),
              " 2>/dev/null || exit 0\nrm -f code_key code_key.pub code_key.new code_key.new.pub known_hosts\n")));
  (void)removed;
  return {};
}

}  // namespace twsync
