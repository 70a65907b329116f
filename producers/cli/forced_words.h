#pragma once
// The command that the other server's key asks for.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "producers/cli/command_line.h"

namespace twsync {

/// "publish --path a%20b" -> the command. Words are separated by single spaces and percent-encoded; a publish is of the
/// deploy side. Errors (denied): anything but `publish` and `status` with their own options.
Result<Command> parse_forced_command(std::string_view text);

}  // namespace twsync
