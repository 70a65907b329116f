#include "producers/cli/home_directory.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace twsync {

std::string home_directory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "";
}

}  // namespace twsync
