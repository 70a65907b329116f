#pragma once
// The deploy server's own key for the code server. Used by keys.cc and keys_members.cc only.

#include "common/ssh/keys.h"

namespace twsync {

/// Makes a key there, adds it here with its forced command, tells that server our host keys, tries it, drops the old
/// lines.
Status exchange_reverse(SshSession& session, const KeyOptions& options);
/// Removes our lines and the files there.
Status remove_reverse(SshSession& session, const KeyOptions& options);

/// Where that way lies there, quoted for the shell.
std::string way_directory(const ReverseKeys& reverse);
/// The public half that `output` of ssh-keygen there ends with, under the comment by which its line is known here.
Result<std::string> tagged_key(const std::string& output, const std::string& tag, const SshSession& session);
/// Our authorized_keys, unless `edit` changes nothing.
Status edit_authorized(const std::string& path, const std::function<std::string(const std::string&)>& edit);

}  // namespace twsync
