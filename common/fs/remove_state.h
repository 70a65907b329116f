#pragma once
// `twsync forget` on one root.

#include "common/fs/dir_handle.h"

namespace twsync {

/// Removes <root>/.twsync/<pair_id> with all kept versions, and <root>/.twsync when nothing else is in it. ok when
/// there is none. No link is followed, nothing outside is reached. Crash: some of it is left; run it again.
Status remove_pair_state(const RootDir& root, const std::string& pair_id);

}  // namespace twsync
