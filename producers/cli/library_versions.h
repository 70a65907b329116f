#pragma once
// What this program was made with, for --version.

#include <string>

namespace twsync {

/// A line for each library, "  libzmq 4.3.4\n": as they are loaded, of those in headers as they were compiled in.
std::string library_versions();

}  // namespace twsync
