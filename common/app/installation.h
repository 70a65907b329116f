#pragma once
// Where this program is installed and where its state lies.

#include <string>
#include <string_view>
#include <vector>

namespace twsync {

/// The prefix that holds <prefix>/share/twsync/installed-files: the running program's own, else the one set at build
/// time; "" when neither is an installation.
std::string installation_prefix();

/// Directory of the running executable ("" when unknown).
std::string executable_directory();

/// Files that the installation owns, relative to its prefix. Empty when the list cannot be read.
std::vector<std::string> installed_files(const std::string& prefix);

/// $STATE_DIRECTORY of a unit; else /var/lib/twsync for root; $XDG_STATE_HOME/twsync or ~/.local/state/twsync
/// otherwise. "" without a home.
std::string default_state_dir();

/// $RUNTIME_DIRECTORY of a unit; else /run/twsync for root and for whom its broker lets in, $XDG_RUNTIME_DIR/twsync or
/// <state-dir>/run otherwise; <state-dir>/run where the state directory was chosen by hand (a short name of it where a
/// socket's path would become too long).
std::string runtime_dir_for(const std::string& state_dir, bool chosen);

/// Absolute and without ".", ".." and double slashes, by text alone (symlinks stay).
std::string absolute_path(std::string_view path);

/// "/a/b" and "/a/b/c" -> "c"; equal -> ""; not below -> nullopt-like false.
bool relative_to(std::string_view path, std::string_view ancestor, std::string& out);

/// The never-synced paths of a root (relative to it): the installation's logs/, scripts/config/ and files, the state
/// directory, what twsync keeps in the user's home, and `secrets` (key files), as far as they lie below it. Sorted.
std::vector<std::string> never_synced(const std::string& root, const std::string& prefix, const std::string& state_dir,
                                      const std::vector<std::string>& secrets);

}  // namespace twsync
