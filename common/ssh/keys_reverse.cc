#include "common/ssh/keys_reverse.h"

#include <glob.h>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/keys_login.h"
#include "common/ssh/known_hosts.h"
#include "common/ssh/remote_files.h"
#include "common/ssh/text_file.h"
#include "common/ssh/way_back.h"

namespace twsync {

namespace {

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
      str("umask 077; d=", way_directory(*options.reverse), "; mkdir -p \"$d\" && cd \"$d\" || exit 1\n",
          "command -v ssh-keygen >/dev/null || { echo 'ssh-keygen is not installed there' >&2; exit 1; }\n", "rm -f ",
          kWayBackKey, ".new ", kWayBackKey, ".new.pub\n", "ssh-keygen -q -t ed25519 -N '' -C ",
          shell_word(options.tag), " -f ", kWayBackKey, ".new </dev/null && cat ", kWayBackKey, ".new.pub\n");
  SYNC_ASSIGN(const std::string output, run_script(session, "making a key there", script));
  return tagged_key(output, options.tag, session);
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
  std::string lines;
  for (const uint16_t port : reverse.ports) {
    for (const std::string& key : keys) lines += str(known_hosts_name(reverse.code.host, port), " ", key, "\n");
  }
  return edit_remote_file(session, str(way_directory(reverse), "/", kWayBackHosts),
                          [&](const std::string&) { return lines; });
}

/// The port at which that server's ssh logs in here. ssh ends with 255 when it could not; anything else comes from the
/// forced command. Without an ssh there, the first port goes untried.
Result<uint16_t> try_key_there(SshSession& session, const ReverseKeys& reverse) {
  std::string script = str("d=", way_directory(reverse),
                           "\ncommand -v ssh >/dev/null || { echo port=", reverse.ports.front(), "; exit 0; }\n");
  for (const uint16_t port : reverse.ports) {
    script += str("ssh -F /dev/null -i \"$d/", kWayBackKey, ".new\" -o IdentitiesOnly=yes -o BatchMode=yes -o ",
                  "ConnectTimeout=10 -o StrictHostKeyChecking=yes -o UserKnownHostsFile=\"$d/", kWayBackHosts,
                  "\" -o GlobalKnownHostsFile=/dev/null -p ", port, " ",
                  reverse.code.user.empty() ? "" : str("-l ", shell_word(reverse.code.user), " "),
                  shell_word(reverse.code.host), " status </dev/null >/dev/null\n[ $? -eq 255 ] || { echo port=", port,
                  "; exit 0; }\n");
  }
  SYNC_ASSIGN(const std::string output,
              run_script(session, "logging in from there to this server", script + "exit 1\n"));
  for (const uint16_t port : reverse.ports) {
    if (output.find(str("port=", port, "\n")) != std::string::npos) return port;
  }
  return Error{ErrorCode::peer_violation, str(session.name(), ": it did not say how it reached this server"), {}, 0};
}

std::string way_text(const KeyOptions& options, uint16_t port) {
  const ReverseKeys& reverse = *options.reverse;
  return str("# Written by `twsync keys exchange` of the code server: how `twsync` here reaches it.\nCODE_SERVER=",
             shell_word(reverse.code.host), "\nCODE_PORT=", port, "\nCODE_USER=", shell_word(reverse.code.user),
             "\nPAIR=", shell_word(reverse.pair), "\nDEPLOY_PATH=", shell_word(options.deploy_root), "\n");
}

/// The key last: without it the way does not exist.
Status put_in_place(SshSession& session, const KeyOptions& options, uint16_t port) {
  const std::string directory = way_directory(*options.reverse);
  SYNC_TRY(edit_remote_file(session, str(directory, "/", kWayBackFile),
                            [&](const std::string&) { return way_text(options, port); }));
  const auto moved = run_script(session, "putting the key in place there",
                                str("cd ", directory, " && mv -f ", kWayBackKey, ".new.pub ", kWayBackKey,
                                    ".pub && mv -f ", kWayBackKey, ".new ", kWayBackKey, "\n"));
  return moved ? Status() : Status(moved.error());
}

}  // namespace

std::string way_directory(const ReverseKeys& reverse) {
  return str("\"$HOME\"/", kWaysBackDirectory, "/", shell_word(way_back_name(reverse.pair, reverse.code.host)));
}

Result<std::string> tagged_key(const std::string& output, const std::string& tag, const SshSession& session) {
  SYNC_ASSIGN(const std::string line, public_line_in(output, session));
  // The comment decides which lines are ours: take the key, not what that server says about it.
  const size_t end = line.find(' ', std::string_view("ssh-ed25519 ").size());
  return str(line.substr(0, end), " ", tag);
}

Status edit_authorized(const std::string& path, const std::function<std::string(const std::string&)>& edit) {
  auto text = read_text_file(path);
  if (!text && text.error().code != ErrorCode::not_found) return std::move(text).error();
  const std::string old = text ? *text : std::string();
  const std::string edited = edit(old);
  return edited == old ? Status() : write_text_file(path, edited, 0600);
}

Status exchange_reverse(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  SYNC_ASSIGN(const std::string public_line, make_key_there(session, options));
  SYNC_ASSIGN(const std::string line, authorized_line(reverse.command, public_line));
  SYNC_TRY(tell_host_keys(session, reverse));
  SYNC_TRY(edit_authorized(reverse.authorized_keys, [&](const std::string& text) { return with_line(text, line); }));
  const auto port = try_key_there(session, reverse);
  if (!port) {
    SYNC_TRY(edit_authorized(reverse.authorized_keys, [&](const std::string& text) {
      // Only the line just added: an older key may still be the one in use.
      const size_t at = text.rfind(str(line, "\n"));
      return at == std::string::npos ? text : text.substr(0, at) + text.substr(at + line.size() + 1);
    }));
    return port.error();
  }
  SYNC_TRY(put_in_place(session, options, *port));
  log_step(options, str("the deploy server may now run `", reverse.command, "` here, nothing else"));
  return edit_authorized(reverse.authorized_keys,
                         [&](const std::string& text) { return without_tagged(text, options.tag, line); });
}

Status remove_reverse(SshSession& session, const KeyOptions& options) {
  const ReverseKeys& reverse = *options.reverse;
  SYNC_TRY(edit_authorized(reverse.authorized_keys,
                           [&](const std::string& text) { return without_tagged(text, options.tag, ""); }));
  const auto removed = run_script(session, "removing the key there", str("rm -rf ", way_directory(reverse), "\n"));
  return removed ? Status() : Status(removed.error());
}

}  // namespace twsync
