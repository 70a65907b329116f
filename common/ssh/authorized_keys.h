#pragma once
// Lines of ours in an authorized_keys file, as text. Ours are those whose comment is our tag; every other byte stays.

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace twsync {

/// `options public_line`, where command "" means "restrict" alone. usage for a command with a newline.
Result<std::string> authorized_line(const std::string& command, const std::string& public_line);

/// `text` with `line` appended (once).
std::string with_line(std::string_view text, const std::string& line);
/// `text` without the lines of `tag`, `keep` excepted.
std::string without_tagged(std::string_view text, const std::string& tag, const std::string& keep);

/// 'word' for a Bourne shell; plain words stay as they are.
std::string shell_word(const std::string& word);

}  // namespace twsync
