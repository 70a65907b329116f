#pragma once
// Questions to the person at the terminal, past whatever stdin and stdout are.

#include <optional>
#include <string>

namespace twsync {

/// False where there is no terminal to ask at.
bool can_prompt();
/// The answer without its line end; nullopt at end of input.
std::optional<std::string> prompt_secret(const std::string& question);  ///< without echo
std::optional<std::string> prompt_line(const std::string& question);
bool prompt_yes(const std::string& question);  ///< only "yes" is a yes

}  // namespace twsync
