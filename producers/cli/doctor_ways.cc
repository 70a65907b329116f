// twsync doctor: the way from the deploy server to the code server, at both of its ends.

#include <sys/stat.h>
#include <unistd.h>

#include <glob.h>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "common/ssh/known_hosts.h"
#include "common/ssh/text_file.h"
#include "producers/cli/code_server.h"
#include "producers/cli/doctor.h"
#include "producers/cli/home_directory.h"

namespace twsync {

namespace {

constexpr int64_t kLoginMs = 5000;

std::string exchange_here(const Config& config) {
  return config.prefix + "/scripts/ssh_key_exchange.sh";
}

/// The line by which the deploy server's key may speak for this pair.
std::string line_of(const std::string& text, const std::string& tag) {
  for (const std::string& line : split_lines(text)) {
    if (!line.starts_with('#') && line.ends_with(" " + tag) && line.find("serve-forced") != std::string::npos)
      return line;
  }
  return {};
}

/// What sshd (StrictModes) wants of everything above a key file.
std::string writable_by_others(const std::string& home) {
  for (const std::string& path : {home, home + "/.ssh", home + "/.ssh/authorized_keys"}) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return path;
  }
  return {};
}

bool has_host_keys() {
  glob_t found{};
  const bool any = ::glob("/etc/ssh/ssh_host_*_key.pub", 0, nullptr, &found) == 0;
  ::globfree(&found);
  return any;
}

}  // namespace

void check_way_in(const CliContext& context, const PairConfig& pair, Examination& exam) {
  const Config& config = context.config;
  if (pair.deploy.local || config.prefix.empty() || config.find(pair.name) == nullptr) return;
  if (!has_host_keys())
    return exam.warn("way-in", "no sshd is installed here: the deploy server cannot reach this one",
                     str("apt-get install openssh-server && ", exchange_here(config)));
  const std::string home = home_directory(), file = home + "/.ssh/authorized_keys";
  const auto text = read_text_file(file);
  const std::string line = text ? line_of(*text, str("twsync:", pair.name, "/", config.settings.code_server)) : "";
  if (line.empty()) {
    return exam.warn("way-in", str(file, " lets no deploy server ask for syncs of this pair"),
                     str(exchange_here(config), pair.name == kMainPair ? "" : " " + pair.name));
  }
  if (const std::string loose = writable_by_others(home); !loose.empty()) {
    return exam.bad("way-in", str("sshd takes no key from ", file, ": others can write ", loose),
                    str("chmod go-w ", shell_word(loose)));
  }
  const std::string program = config.prefix + "/bin/twsync";
  if (line.find(program) == std::string::npos) {
    return exam.warn("way-in", "the deploy server's key starts a twsync of another place", exchange_here(config));
  }
  exam.good("way-in", "the deploy server may ask for this pair");
}

void check_way_back(CliContext& context, const WayBack& way, Examination& exam) {
  const std::string again = str("ssh ", way.code.host, " ", context.config.prefix, "/scripts/ssh_key_exchange.sh",
                                way.pair == kMainPair ? "" : " " + way.pair);
  struct stat info {};
  const bool shared = way.code.group_reads_key;
  if (::stat(way.code.key_file.c_str(), &info) == 0 && (info.st_mode & (shared ? 027U : 077U)) != 0) {
    exam.bad("key", str(way.code.key_file, " can be read by others"),
             str("chmod ", shared ? 640 : 600, " ", shell_word(way.code.key_file)));
    return;
  }
  exam.good("key", way.code.key_file);
  const auto lines = known_host_lines(way.code.known_hosts, way.code.host, way.code.port);
  if (!lines || lines->empty())
    return exam.bad("known-hosts", str(way.code.known_hosts, " holds no key of ", way.code.host), again);
  exam.good("known-hosts", way.code.known_hosts);
  if (::access(way.deploy_path.c_str(), F_OK) != 0) {
    exam.bad("deploy-root", str(way.deploy_path, " is not there"), str("mkdir -p ", shell_word(way.deploy_path)));
  } else {
    exam.good("deploy-root", way.deploy_path);
  }
  const auto code = CodeServer::open(way, kLoginMs);
  if (!code) return exam.bad("way-back", describe(code.error()), again);
  std::string status;
  const auto asked =
      (*code)->ask({"status"}, {{}, [&](std::string_view more) { status += more; }, context.err}, context.stop);
  if (!asked) return exam.bad("way-back", describe(asked.error()), again);
  exam.good("way-back", str("code server ", way.code.host));
  const std::string first = status.substr(0, status.find('\n'));
  if (first.find("none answers") != std::string::npos) {
    exam.warn("service", str(way.code.host, ": ", first),
              str("ssh ", way.code.host, " systemctl start sutazai-sync-monitor.service"));
  } else {
    exam.good("service", first);
  }
}

}  // namespace twsync
