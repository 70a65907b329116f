#include "common/ssh/keys.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/key_pair.h"
#include "common/ssh/keys_login.h"
#include "common/ssh/keys_members.h"
#include "common/ssh/keys_reverse.h"
#include "common/ssh/known_hosts.h"
#include "common/ssh/remote_files.h"
#include "common/ssh/text_file.h"

namespace twsync {

namespace {

constexpr const char* kAuthorizedKeys = "\"$HOME/.ssh/authorized_keys\"";

Status check_options(const KeyOptions& options) {
  if (options.deploy.key_file.empty()) return Error{ErrorCode::usage, "no place for the key file is configured", {}, 0};
  if (options.tag.empty() || options.tag.find_first_of(" \t\r\n\"") != std::string::npos) {
    return Error{ErrorCode::usage, "the key's tag must be one word", options.tag, 0};
  }
  return {};
}

/// "" when the package's agent is not installed there.
Result<std::string> forced_command(SshSession& session, const KeyOptions& options) {
  std::string script;
  for (const std::string& place : options.agent_places) {
    script += str("[ -x ", shell_word(place), " ] && { echo ", shell_word(str("agent=", place)), "; exit 0; }\n");
  }
  SYNC_ASSIGN(const std::string output, run_script(session, "looking for the agent", script + "exit 0\n"));
  for (const std::string& place : options.agent_places) {
    if (output.find(str("agent=", place, "\n")) == std::string::npos) continue;
    const bool bound = options.deploy_root.starts_with('/');
    return str(shell_word(place), " --stdio", bound ? str(" --root ", shell_word(options.deploy_root)) : std::string());
  }
  return std::string();
}

Status try_new_key(const KeyOptions& options, const std::string& key_file) {
  SshTarget target = options.deploy;
  target.key_file = key_file;
  target.use_agent = false;
  target.default_keys.clear();
  target.ask_secret = nullptr;
  target.confirm_host = nullptr;
  SYNC_ASSIGN(const auto session, SshSession::open(target));
  return {};
}

Status install_new_key(SshSession& session, const KeyOptions& options, const std::string& key_file,
                       const std::string& line) {
  SYNC_TRY(edit_remote_file(session, kAuthorizedKeys, [&](const std::string& text) { return with_line(text, line); }));
  log_step(options, "added the new key to authorized_keys there");
  const Status tried = try_new_key(options, key_file);
  if (tried.ok()) return {};
  log_step(options, str("the new key does not work, taking it back: ", tried.error().message));
  SYNC_TRY(edit_remote_file(session, kAuthorizedKeys, [&](const std::string& text) {
    const size_t at = text.rfind(str(line, "\n"));
    return at == std::string::npos ? text : text.substr(0, at) + text.substr(at + line.size() + 1);
  }));
  return tried;
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return error_from_errno(errno, "cannot remove", path);
  return {};
}

std::string trusted_fingerprint(const KeyOptions& options) {
  const auto lines = known_host_lines(options.deploy.known_hosts, options.deploy.host, options.deploy.port);
  if (!lines || lines->empty()) return {};
  const auto fingerprint = key_fingerprint(lines->substr(lines->find(' ') + 1));
  return fingerprint ? *fingerprint : std::string();
}

}  // namespace

Result<KeyReport> exchange_keys(const KeyOptions& options) {
  SYNC_TRY(check_options(options));
  SYNC_ASSIGN(const auto session, login_with_shell(options));
  SYNC_ASSIGN(const KeyPair pair, generate_key_pair(options.tag));
  KeyReport report;
  SYNC_ASSIGN(report.key_fingerprint, key_fingerprint(pair.public_line));
  report.host_fingerprint = session->host_key().fingerprint;
  SYNC_ASSIGN(report.forced_command, forced_command(*session, options));
  SYNC_ASSIGN(const std::string line, authorized_line(report.forced_command, pair.public_line));
  const std::string fresh = options.deploy.key_file + ".new";
  SYNC_TRY(write_key_pair(fresh, pair));
  const Status installed = install_new_key(*session, options, fresh, line);
  if (!installed.ok()) {
    SYNC_TRY(remove_file(fresh));
    SYNC_TRY(remove_file(fresh + ".pub"));
    return installed.error();
  }
  SYNC_TRY(move_key_pair(fresh, options.deploy.key_file));
  log_step(options, str("the new key ", report.key_fingerprint, " works and is in place: ", options.deploy.key_file));
  SYNC_TRY(edit_remote_file(*session, kAuthorizedKeys,
                            [&](const std::string& text) { return without_tagged(text, options.tag, line); }));
  if (options.reverse) {
    SYNC_TRY(exchange_reverse(*session, options));
    // The way itself stands: hooks of others than its user are not worth failing for.
    if (const Status shared = share_with_members(*session, options); !shared.ok())
      log_step(options, str("members of the group there get no way: ", describe(shared.error())));
    report.reverse = true;
  }
  return report;
}

Result<KeyInfo> show_keys(const KeyOptions& options) {
  SYNC_TRY(check_options(options));
  KeyInfo info;
  info.key_file = options.deploy.key_file;
  SYNC_ASSIGN(info.public_line, read_text_file(info.key_file + ".pub"));
  while (info.public_line.ends_with('\n')) info.public_line.pop_back();
  SYNC_ASSIGN(info.fingerprint, key_fingerprint(info.public_line));
  info.host_fingerprint = trusted_fingerprint(options);
  return info;
}

Status remove_keys(const KeyOptions& options) {
  SYNC_TRY(check_options(options));
  SYNC_ASSIGN(const auto session, login_with_shell(options));
  SYNC_TRY(edit_remote_file(*session, kAuthorizedKeys,
                            [&](const std::string& text) { return without_tagged(text, options.tag, ""); }));
  if (options.reverse) SYNC_TRY(remove_members(*session, options));
  if (options.reverse) SYNC_TRY(remove_reverse(*session, options));
  for (const char* suffix : {"", ".pub", ".new", ".new.pub"}) SYNC_TRY(remove_file(options.deploy.key_file + suffix));
  if (options.host_is_shared) return {};
  const std::string& hosts = options.deploy.known_hosts;
  SYNC_ASSIGN(const std::string text, read_text_file(hosts));
  return write_text_file(hosts, without_known_host(text, options.deploy.host, options.deploy.port), 0600);
}

}  // namespace twsync
