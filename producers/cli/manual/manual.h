#pragma once
// Manual pages and shell completions out of the program's own grammar and configuration file, so that they cannot
// differ from it. Pure; used at build time.

#include <string>
#include <string_view>

#include "producers/cli/command_line.h"

namespace twsync {

/// twsync(1), roff.
std::string manual_page(const ProgramText& program, std::string_view version);
/// twsync-config(5), roff, from the commented default configuration (common/app/sync_config.sh).
std::string config_page(std::string_view sync_config, std::string_view version);

std::string bash_completion(const ProgramText& program);
std::string zsh_completion(const ProgramText& program);
std::string fish_completion(const ProgramText& program);

}  // namespace twsync
