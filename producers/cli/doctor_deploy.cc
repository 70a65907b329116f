// twsync doctor: our key and the other server, from its name to its agent.

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "common/fs/unique_fd.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/known_hosts.h"
#include "producers/cli/doctor.h"
#include "workers/connector.h"

namespace twsync {

namespace {

constexpr int kConnectMs = 5000;
constexpr uint64_t kLittleSpace = uint64_t{1} << 30U;
constexpr uint64_t kFewInodes = 10'000;

std::string exchange(const CliContext& context, const PairConfig& pair) {
  const std::string name = pair.name == kMainPair ? "" : " " + pair.name;
  return context.config.prefix.empty() ? str("twsync keys exchange", name)
                                       : str(context.config.prefix, "/scripts/ssh_key_exchange.sh", name);
}

/// A shell's words on the other server, as a person logs in there.
std::string on_deploy(const PairConfig& pair, const std::string& words) {
  return str("ssh -p ", pair.deploy.port, " ", pair.deploy.user, pair.deploy.user.empty() ? "" : "@", pair.deploy.host,
             " ", shell_word(words));
}

void check_key(const CliContext& context, const PairConfig& pair, Examination& exam) {
  struct stat info {};
  if (pair.ssh_key.empty()) {
    exam.warn("key", "none of our own; the SSH agent and default keys are tried", exchange(context, pair));
  } else if (::stat(pair.ssh_key.c_str(), &info) != 0) {
    exam.bad("key", str(pair.ssh_key, " is not there"), exchange(context, pair));
  } else if ((info.st_mode & 077U) != 0) {
    exam.bad("key", str(pair.ssh_key, " can be read by others"), str("chmod 600 ", shell_word(pair.ssh_key)));
  } else {
    exam.good("key", pair.ssh_key);
  }
  const auto lines = known_host_lines(pair.known_hosts, pair.deploy.host, pair.deploy.port);
  if (lines && !lines->empty()) {
    exam.good("known-hosts", pair.known_hosts);
  } else {
    exam.warn("known-hosts", str(pair.known_hosts, " holds no key of ", pair.deploy.host), exchange(context, pair));
  }
}

struct Addresses {
  addrinfo* list = nullptr;
  ~Addresses() {
    if (list != nullptr) ::freeaddrinfo(list);
  }
};

/// "" when something listens there; else why not.
std::string connect_failure(const addrinfo& address) {
  const UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return std::strerror(errno);
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return std::strerror(errno);
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (::poll(&waiting, 1, kConnectMs) != 1) return "no answer";
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
  return failed == 0 ? "" : std::strerror(failed);
}

bool check_network(const CliContext& context, const PairConfig& pair, Examination& exam) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  Addresses found;
  const std::string file = config_file_of(context.config, pair.name);
  const int failed = ::getaddrinfo(pair.deploy.host.c_str(), str(pair.deploy.port).c_str(), &hints, &found.list);
  if (failed != 0) {
    exam.bad("deploy-address", str(pair.deploy.host, ": ", ::gai_strerror(failed)),
             str("editor ", file, "  # DEPLOY_SERVER"));
    return false;
  }
  exam.good("deploy-address", pair.deploy.host);
  const std::string failure = connect_failure(*found.list);
  if (!failure.empty()) {
    exam.bad("deploy-port", str("port ", pair.deploy.port, " of ", pair.deploy.host, ": ", failure),
             str("systemctl start ssh  # on ", pair.deploy.host, "; or open its firewall, or mend SSH_PORT in ", file));
    return false;
  }
  exam.good("deploy-port", str("something listens at port ", pair.deploy.port));
  return true;
}

bool check_login(const CliContext& context, const PairConfig& pair, Examination& exam) {
  SshTarget target;
  target.host = pair.deploy.host;
  target.port = pair.deploy.port;
  target.user = pair.deploy.user;
  target.key_file = pair.ssh_key;
  target.known_hosts = pair.known_hosts;
  bool host_key_refused = false;
  target.confirm_host = [&host_key_refused](const HostKey&) {
    host_key_refused = true;
    return false;
  };
  const auto session = SshSession::open(target);
  if (session) {
    exam.good("host-key", (*session)->host_key().fingerprint);
    exam.good("login", (*session)->name());
  } else {
    exam.bad(host_key_refused ? "host-key" : "login", describe(session.error()), exchange(context, pair));
  }
  return session.ok();
}

void check_facts(const PairConfig& pair, const SideFacts& facts, Examination& exam) {
  exam.good("deploy-root", str(facts.root_path, " on ", facts.file_system));
  SystemClock clock;
  const int64_t skew = std::abs(facts.wall_ns - clock.wall_ns());
  if (skew > 2 * kSecond) {
    exam.warn("clocks", str("they are ", human_duration(skew), " apart; `newer` depends on them"),
              "timedatectl set-ntp true  # on both servers");
  } else {
    exam.good("clocks", "less than 2 s apart");
  }
  const std::string text = str(human_bytes(facts.free_bytes), " and ", facts.free_inodes, " inodes free");
  if (facts.free_bytes < kLittleSpace || facts.free_inodes < kFewInodes) {
    exam.warn("deploy-space", text, on_deploy(pair, str("du -xsh ", shell_word(facts.root_path), "/.twsync")));
  } else {
    exam.good("deploy-space", text);
  }
  if (!facts.rename_exchange) {
    exam.warn("deploy-file-system",
              str(facts.file_system,
                  " has no atomic exchange: what a program puts in place right while it is replaced can be lost"),
              "# move the root to ext4, xfs or btrfs");
  } else {
    exam.good("deploy-file-system", facts.file_system);
  }
}

/// One session that changes nothing.
void check_agent_there(const CliContext& context, const PairConfig& pair, Examination& exam) {
  SystemClock clock;
  SystemHostFacts host;
  const auto sides = make_scan_sides({context.agent_path, {}}, clock, host);
  auto side = sides.deploy(pair, SideOptions{});
  if (!side) {
    const ErrorCode code = side.error().code;
    if (code == ErrorCode::not_found || code == ErrorCode::usage || code == ErrorCode::denied) {
      return exam.bad("deploy-root", describe(side.error()),
                      pair.deploy.local ? str("mkdir -p ", shell_word(pair.deploy.path))
                                        : on_deploy(pair, str("mkdir -p ", shell_word(pair.deploy.path))));
    }
    return exam.bad(
        "agent", describe(side.error()),
        str(exchange(context, pair), "  # after installing the package twsync-agent on ", pair.deploy.host));
  }
  exam.good("agent", "it starts and answers");
  const auto facts = (*side)->facts();
  if (!facts) return exam.bad("deploy-root", describe(facts.error()), "# mend what it names");
  check_facts(pair, *facts, exam);
}

}  // namespace

void check_deploy_side(const CliContext& context, const PairConfig& pair, Examination& exam) {
  if (!pair.deploy.local) {
    check_key(context, pair, exam);
    if (!check_network(context, pair, exam) || !check_login(context, pair, exam)) return;
  }
  check_agent_there(context, pair, exam);
}

}  // namespace twsync
