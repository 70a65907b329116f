#pragma once
// The deploy server's own key for the code server. Used by keys.cc only.

#include "common/ssh/keys.h"

namespace twsync {

/// Makes a key there, adds it here with its forced command, tells that server our host keys, tries it, drops the old
/// lines.
Status exchange_reverse(SshSession& session, const KeyOptions& options);
/// Removes our lines and the files there.
Status remove_reverse(SshSession& session, const KeyOptions& options);

}  // namespace twsync
