#pragma once
// A key of its own for the members of the group `twsync` on the deploy server: their git hooks reach the broker as the
// code server's members do, with publish and status and nothing else. Used by keys.cc only.

#include "common/ssh/keys.h"

namespace twsync {

/// After exchange_reverse(). Does nothing without `members_command`, without that group, or where the login is not
/// root's, who alone can give files to a group. The old key works until the new one is in place.
Status share_with_members(SshSession& session, const KeyOptions& options);
/// Removes our lines here and the files there.
Status remove_members(SshSession& session, const KeyOptions& options);

}  // namespace twsync
