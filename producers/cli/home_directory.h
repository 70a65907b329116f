#pragma once
// The current user's home.

#include <string>

namespace twsync {

/// $HOME where it is absolute, else what the user database says; "" without either.
std::string home_directory();

}  // namespace twsync
