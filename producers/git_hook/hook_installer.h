#pragma once
// Git hooks that publish after a commit, merge or checkout, in a bare repository after a push. Hooks that are there
// keep working.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace twsync {

struct HookOptions {
  std::string repository;              ///< any directory in its work tree, or the bare repository
  std::string twsync;                  ///< absolute path of the program that the hooks call
  std::vector<std::string> arguments;  ///< before `publish`, such as --config FILE
  std::string pushed_root;             ///< what a push into a bare repository publishes; empty = every pair
};

/// A repository as git sees it.
struct Repository {
  bool bare = false;
  std::string git_directory;
  std::string hooks;  ///< where git looks for its hooks: core.hooksPath, worktrees
};

/// Errors: usage, when it is none. `anyones`: also in another user's directory, only to look.
Result<Repository> find_repository(const std::string& directory, bool anyones = false);

/// Installs post-commit, post-merge and post-checkout, in a bare repository post-receive as well (the others serve its
/// worktrees). A hook that is there moves to `<name>.before-twsync` and is run first, with its exit status kept. Again:
/// refreshes ours. Returns the files, for people. Crash: either the old hook or the chained one stands under each name.
Result<std::vector<std::string>> install_hooks(const HookOptions& options);

/// The program that one of our hooks starts; "" for any other hook, or none.
std::string program_of_hook(const std::string& file);

/// Removes ours and moves what was there back. Returns the files that were changed.
Result<std::vector<std::string>> uninstall_hooks(const std::string& directory);

/// The hook's text.
std::string hook_script(const HookOptions& options, std::string_view hook);

}  // namespace twsync
