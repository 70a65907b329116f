#pragma once
// The configuration's syntax: `NAME=value` lines as a shell would read them. Parsed, never executed. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace twsync {

struct Assignment {
  std::string name;
  std::string value;  ///< quotes and escapes resolved
  unsigned line = 0;  ///< where the name stands, from 1
};

/// Allowed: blank lines, `#` comments, `NAME=value`, `export NAME=value`; values bare, in 'single' or "double" quotes
/// (which may span lines), or joined from such pieces; backslash escapes and line joins.
/// Errors (usage, text names `file` and line): anything else, above all what a shell would expand or run.
Result<std::vector<Assignment>> parse_assignments(std::string_view text, const std::string& file);

}  // namespace twsync
