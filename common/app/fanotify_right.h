#pragma once
// How the monitor's service comes to the right to use fanotify.

#include <string>

namespace twsync {

/// A command line for root; a sentence where nothing is installed below `prefix` ("" = not installed).
std::string fanotify_right_command(const std::string& prefix);

}  // namespace twsync
