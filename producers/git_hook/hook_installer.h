#pragma once
// Git hooks that publish after a commit, merge or checkout. Hooks that are there keep working.

#include <string>
#include <vector>

#include "common/base/result.h"

namespace twsync {

struct HookOptions {
  std::string repository;              ///< any directory in its work tree
  std::string twsync;                  ///< absolute path of the program that the hooks call
  std::vector<std::string> arguments;  ///< before `publish`, such as --config FILE
};

/// Installs post-commit, post-merge and post-checkout where git looks for them (core.hooksPath, worktrees). A hook that
/// is there moves to `<name>.before-twsync` and is run first, with its exit status kept. Again: refreshes ours. Returns
/// the files, for people. Crash: either the old hook or the chained one stands under each name.
Result<std::vector<std::string>> install_hooks(const HookOptions& options);

/// Removes ours and moves what was there back. Returns the files that were changed.
Result<std::vector<std::string>> uninstall_hooks(const std::string& repository);

/// The hook's text.
std::string hook_script(const HookOptions& options);

}  // namespace twsync
