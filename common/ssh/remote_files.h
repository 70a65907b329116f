#pragma once
// Small text files on the deploy server (authorized_keys, known_hosts), through a login shell.

#include <functional>
#include <string>

#include "common/ssh/ssh_session.h"

namespace twsync {

/// Runs a Bourne shell script whatever the login shell is. The script travels as stdin.
/// unreachable with the server's words when it ends with another code than 0.
Result<std::string> run_script(SshSession& session, const std::string& what, const std::string& script);
/// ok when the login gives a shell; else unreachable with what came instead (a forced command, an account without one).
Status check_shell(SshSession& session);

/// Replaces the file by edit(its text), atomically, unless it was changed in between (then once more, up to 5 times).
/// `path` is for the shell, already quoted ("$HOME/.ssh/authorized_keys" in double quotes); missing directories are
/// made 0700, a missing file 0600; mode and owner of one that exists stay, a symbolic link is followed.
Status edit_remote_file(SshSession& session, const std::string& path,
                        const std::function<std::string(const std::string&)>& edit);

}  // namespace twsync
