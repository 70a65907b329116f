#pragma once
// Reads back one line that JsonObject wrote. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace twsync {

/// The members of one JSON object: strings as their text, everything else as the JSON it is ("3", "true", "{…}").
/// nullopt when the line is no whole object, such as one that a full disk cut off.
std::optional<std::map<std::string, std::string>> json_members(std::string_view line);

}  // namespace twsync
