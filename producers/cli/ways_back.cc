#include "producers/cli/ways_back.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "common/app/own_address.h"
#include "common/app/shell_assignments.h"
#include "common/base/text.h"
#include "common/ssh/way_back.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/broker_access.h"
#include "producers/cli/home_directory.h"
#include "producers/cli/pair_memory.h"

namespace twsync {

namespace {

constexpr int kBrokerMs = 500;

Error usage(std::string message, std::string path = {}) {
  return Error{ErrorCode::usage, std::move(message), std::move(path), 0};
}

std::string canonical_if_there(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : path;
}

Status apply(WayBack& way, const Assignment& a) {
  if (a.name == "CODE_SERVER") {
    if (!is_safe_host(a.value)) return usage("bad CODE_SERVER in a way to the code server");
    way.code.host = a.value;
  } else if (a.name == "CODE_PORT") {
    const auto parsed = std::from_chars(a.value.data(), a.value.data() + a.value.size(), way.code.port);
    if (parsed.ec != std::errc() || parsed.ptr != a.value.data() + a.value.size() || way.code.port == 0)
      return usage("bad CODE_PORT in a way to the code server");
  } else if (a.name == "CODE_USER") {
    if (!a.value.empty() && !is_safe_user(a.value)) return usage("bad CODE_USER in a way to the code server");
    way.code.user = a.value;
  } else if (a.name == "PAIR") {
    if (!is_pair_name(a.value)) return usage("bad PAIR in a way to the code server");
    way.pair = a.value;
  } else if (a.name == "DEPLOY_PATH") {
    way.deploy_path = canonical_if_there(a.value);
  }
  return {};  // a name of a later version is no reason to lose the way
}

Result<WayBack> read_way(const std::string& directory) {
  const std::string file = str(directory, "/", kWayBackFile);
  SYNC_ASSIGN(const auto text, read_trusted_file(file));
  SYNC_ASSIGN(const auto assignments, parse_assignments(text, file));
  WayBack way;
  way.name = directory.substr(directory.rfind('/') + 1);
  for (const auto& assignment : assignments) {
    auto applied = apply(way, assignment);
    if (!applied) return usage(applied.error().message, file);
  }
  if (way.code.host.empty() || way.pair.empty()) return usage("CODE_SERVER or PAIR is missing", file);
  way.code.key_file = str(directory, "/", kWayBackKey);
  way.code.known_hosts = str(directory, "/", kWayBackHosts);
  way.code.group_reads_key = directory.starts_with(kMembersWaysDirectory);
  way.code.use_agent = false;
  way.code.default_keys.clear();
  return way;
}

bool served_here(const Config& config, const std::string& pair) {
  const auto broker = open_broker(config, kBrokerMs);
  return broker.ok() && (*broker)->serves(pair);
}

bool was_claimed_here(const Config& config, const std::string& name) {
  PairConfig pair;
  pair.state_dir = str(config.state_dir, "/pairs/", name);
  return was_claimed(pair);
}

bool led_here(const Config& config, const WayBack& way) {
  if (was_claimed_here(config, way.pair)) return true;
  const std::string& code_server = config.settings.code_server;
  const bool another = config.find(way.pair) != nullptr && code_server != way.code.host;
  if (another && is_own_address(code_server)) return true;
  return served_here(config, way.pair);
}

/// Adds those of `all` whose names are new.
Status add_ways(const std::string& all, std::vector<WayBack>& out) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(all, error), end; !error && it != end; it.increment(error)) {
    const std::string directory = it->path().string();
    // Without its file or key an exchange was interrupted: the way does not exist yet.
    if (::access(str(directory, "/", kWayBackFile).c_str(), F_OK) != 0) continue;
    if (::access(str(directory, "/", kWayBackKey).c_str(), R_OK) != 0) continue;
    SYNC_ASSIGN(WayBack way, read_way(directory));
    if (std::none_of(out.begin(), out.end(), [&](const WayBack& known) { return known.name == way.name; }))
      out.push_back(std::move(way));
  }
  return {};
}

}  // namespace

Result<std::vector<WayBack>> ways_back() {
  std::vector<WayBack> out;
  SYNC_TRY(add_ways(str(home_directory(), "/", kWaysBackDirectory), out));
  SYNC_TRY(add_ways(kMembersWaysDirectory, out));
  std::sort(out.begin(), out.end(), [](const WayBack& a, const WayBack& b) { return a.name < b.name; });
  return out;
}

Result<Led> select_led(const CliContext& context, const std::string& name, bool remembered) {
  const Config& config = context.config;
  Led out;
  std::vector<WayBack> ways;
  if (!context.forced) {
    SYNC_ASSIGN(ways, ways_back());
  }
  std::erase_if(ways, [&](const WayBack& way) {
    return (!name.empty() && way.pair != name && way.name != name) || led_here(config, way);
  });
  out.there = std::move(ways);
  if (name.empty()) {
    out.here = config.pairs;
    if (remembered) {
      SYNC_ASSIGN(out.here, select_pairs(config, ""));
    }
    std::erase_if(out.here, [&](const PairConfig& pair) {
      return std::any_of(out.there.begin(), out.there.end(), [&](const WayBack& way) { return way.pair == pair.name; });
    });
    return out;
  }
  if (out.there.size() > 1) {
    return usage(str("the pair ", name, " has two code servers: say ", out.there[0].name, " or ", out.there[1].name));
  }
  if (out.there.empty()) {
    SYNC_ASSIGN(out.here.emplace_back(), find_pair(config, name));
  }
  return out;
}

Status check_led_here(const CliContext& context, const std::string& name, const std::string& command) {
  SYNC_ASSIGN(const auto led, select_led(context, name, true));
  if (led.there.empty() || !led.here.empty()) return {};
  const WayBack& way = led.there.front();
  return usage(str("this is the deploy server of the pair ", way.pair, ": run `twsync ", command,
                   "` on its code server ", way.code.host));
}

Status check_not_deploy_server(const Config& config, const DeployTarget& deploy) {
  if (deploy.local || !is_own_address(deploy.host) || is_own_address(config.settings.code_server)) return {};
  const std::string here = str("this is the deploy server (", deploy.host, " is an address of this host), and ");
  const passwd* holder = deploy.user.empty() ? nullptr : ::getpwnam(deploy.user.c_str());
  if (holder != nullptr && holder->pw_uid != ::geteuid()) {
    if (::access(kMembersWaysDirectory, F_OK) == 0) {
      return usage(str(here, "from here only ", deploy.user, " and members of the group ", kMembersGroup,
                       " reach the code server ", config.settings.code_server));
    }
    return usage(str(here, "from here only ", deploy.user, " reaches the code server ", config.settings.code_server));
  }
  return usage(str(here, "it has no way to the code server ", config.settings.code_server,
                   " yet: run ssh_key_exchange.sh there. If this is the code server, CODE_SERVER must name it"));
}

}  // namespace twsync
