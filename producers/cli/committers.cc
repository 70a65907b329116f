#include "producers/cli/committers.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "broker/members.h"
#include "common/base/text.h"
#include "common/ssh/way_back.h"

namespace twsync {

namespace {

std::string name_of(uid_t uid) {
  const passwd* user = ::getpwuid(uid);
  return user != nullptr ? user->pw_name : str(uid);
}

/// The text of one whom nothing but the group stands in the way of.
Hindrance not_in_group(const std::string& name, const Repository& repository, const char* whom) {
  return {str(name, ", who commits in ", repository.git_directory, ", may not tell ", whom),
          str("usermod -aG twsync ", name, "  # and log in again")};
}

bool is_here(const CliContext& context, const PairConfig& pair) {
  return check_not_deploy_server(context.config, pair.deploy).ok();
}

}  // namespace

Hindrance hindrance_of(const CliContext& context, const Led& led, const Repository& repository) {
  struct stat info {};
  if (::stat(repository.git_directory.c_str(), &info) != 0) return {};
  const std::string name = name_of(info.st_uid);
  const auto group = group_id(kMembersGroup);
  const bool member = group && is_member(info.st_uid, info.st_gid, *group);
  if (std::any_of(led.here.begin(), led.here.end(), [&](const PairConfig& pair) { return is_here(context, pair); })) {
    return !group || info.st_uid == 0 || member ? Hindrance{} : not_in_group(name, repository, "the service");
  }
  if (led.here.empty() && (led.there.empty() || info.st_uid == ::geteuid())) return {};
  const std::string holder = !led.there.empty() ? name_of(::geteuid()) : led.here.front().deploy.user;
  if (holder == name) return {};
  if (group && ::access(kMembersWaysDirectory, F_OK) == 0)
    return member ? Hindrance{} : not_in_group(name, repository, "the code server");
  return {str("on this deploy server only ", holder.empty() ? "the user that the code server logs in as" : holder,
              " reaches the code server, and not ", name, ", who commits in ", repository.git_directory),
          "# nothing must be: the service sees the files change, only a little later"};
}

}  // namespace twsync
