#pragma once
// The renames that compare-and-swap is made of (I7), and what stands in for them where a file system has none.

#include "common/base/result.h"

namespace twsync {

/// Moves; exists when something stands at the target. Where the file system lacks RENAME_NOREPLACE: link + unlink for
/// what can be linked (what somebody puts under the old name in between is lost); a directory is moved after a look (an
/// empty directory could be lost).
Status rename_noreplace(int from_dir, const char* from, int to_dir, const char* to);

/// The same to a name that nobody but us gives (a reserved version), so that without RENAME_NOREPLACE a plain rename
/// does: it moves whatever stands there, where link + unlink could remove what was put there in between.
Status rename_to_own(int from_dir, const char* from, int to_dir, const char* to);

/// Swaps two entries; unsupported where the file system cannot.
Status rename_exchange(int a_dir, const char* a, int b_dir, const char* b);

/// For tests: behaves as on a file system without the flags of renameat2. Process-wide.
void set_plain_renames_only(bool on);

}  // namespace twsync
