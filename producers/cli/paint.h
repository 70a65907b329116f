#pragma once
// Colours for a terminal; plain text elsewhere. Colour never says anything that the words don't.

#include <string>
#include <string_view>

#include "common/base/text.h"

namespace twsync {

enum class Colour { good, warning, bad, strong, faint };

inline std::string paint(bool colours, Colour colour, std::string_view text) {
  if (!colours) return std::string(text);
  static constexpr const char* kCodes[] = {"32", "33", "31", "1", "2"};
  return str("\x1b[", kCodes[static_cast<size_t>(colour)], "m", text, "\x1b[0m");
}

}  // namespace twsync
