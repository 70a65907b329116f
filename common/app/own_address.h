#pragma once
// Which host is this?

#include <string>

namespace twsync {

/// True when the name resolves to an address of one of this host's interfaces, loopback excepted: every host has that.
/// May wait for the resolver.
bool is_own_address(const std::string& host);

}  // namespace twsync
